/* A game's frame loop with a hundred creatures that share one learning agent.
 *
 * Each frame of a sixtieth of a second: the creatures look, the agent acts for all of them in one call, the
 * world moves, each creature reports how it went, and the agent learns for at most 2 ms. The library's memory
 * comes from the host's arena; it starts no thread and opens no file but the recipe. Edit the recipe while
 * the game runs: its new objective is in force from the next update on, and a mistake in it changes nothing.
 *
 *     c_host [frames] [recipe]        (3000 frames of npc.lua) */
#include <math.h>
#include <perilune/agent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "arena.h"

enum {
  NPCS = 100,
  OBSERVATIONS = 4,
  ACTIONS = 2,
  RESPONSES = 2,
  EPISODE = 300,
  LEARN_US = 2000,
  LOOK_EVERY = 60, /* frames from one look at the recipe's file to the next */
  BUCKETS = 8
};
static const double frame_s = 1.0 / 60, field_m = 10;

typedef struct npc {
  double x, y, vx, vy; /* metres from the middle of the field, metres a second */
  int age;             /* frames of its episode */
} npc;

typedef struct game {
  npc npcs[NPCS];
  double player_x, player_y;
  uint32_t random;
  float observation[NPCS][OBSERVATIONS], action[NPCS][ACTIONS], response[NPCS][RESPONSES];
  uint64_t ids[NPCS], decisions[NPCS];
} game;

static double uniform(game *g, double low, double high) {
  g->random = g->random * 1664525u + 1013904223u;
  return low + (high - low) * (g->random >> 8) / 16777216.0;
}

static void spawn(game *g, npc *n) {
  *n = (npc){.x = uniform(g, -field_m, field_m), .y = uniform(g, -field_m, field_m)};
}

static void move_player(game *g, double seconds) {
  g->player_x = 6 * sin(0.7 * seconds);
  g->player_y = 6 * sin(0.9 * seconds + 1);
}

static double bound(double x, double limit) { return x > limit ? limit : x < -limit ? -limit : x; }

static void look(game *g) {
  for (int i = 0; i < NPCS; i++) {
    const npc *n = &g->npcs[i];
    g->observation[i][0] = (float)((g->player_x - n->x) / field_m);
    g->observation[i][1] = (float)((g->player_y - n->y) / field_m);
    g->observation[i][2] = (float)(n->vx / field_m);
    g->observation[i][3] = (float)(n->vy / field_m);
  }
}

/* Returns the mean distance to the player. */
static double move(game *g) {
  double sum = 0;
  for (int i = 0; i < NPCS; i++) {
    npc *n = &g->npcs[i];
    double px = bound(g->action[i][0], 1), py = bound(g->action[i][1], 1);
    n->vx += frame_s * (40 * px - 2 * n->vx);
    n->vy += frame_s * (40 * py - 2 * n->vy);
    n->x = bound(n->x + frame_s * n->vx, field_m);
    n->y = bound(n->y + frame_s * n->vy, field_m);
    n->age++;
    double distance = hypot(g->player_x - n->x, g->player_y - n->y);
    g->response[i][0] = (float)distance;
    g->response[i][1] = (float)(px * px + py * py);
    sum += distance;
  }
  return sum / NPCS;
}

/* An episode that is old enough is cut: its last observation says what would have come. */
static prl_status renew(game *g, prl_agent *agent, prl_error *error) {
  prl_status status = PRL_OK;
  look(g);
  for (int i = 0; !status && i < NPCS; i++) {
    if (g->npcs[i].age < EPISODE) continue;
    status = prl_agent_finish(agent, g->ids[i], PRL_TRUNCATED, g->observation[i], error);
    spawn(g, &g->npcs[i]);
  }
  return status;
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* One frame; *agent_ms: what the agent took of it. */
static prl_status frame(game *g, prl_agent *agent, int number, double *distance, double *agent_ms,
                        prl_error *error) {
  move_player(g, number * frame_s);
  look(g);
  double start = now_ms();
  prl_status status = prl_agent_time(agent, (int64_t)(number * frame_s * 1e6), error);
  if (!status)
    status = prl_agent_act(agent, g->ids, NULL, g->observation[0], NPCS, PRL_SAMPLE, g->action[0],
                           g->decisions, error);
  *agent_ms = now_ms() - start;
  if (status) return status;
  *distance = move(g);
  start = now_ms();
  status = prl_agent_feedback(agent, g->decisions, g->response[0], NULL, NULL, NPCS, error);
  if (!status) status = renew(g, agent, error);
  if (!status) status = prl_agent_learn(agent, LEARN_US, NULL, error);
  *agent_ms += now_ms() - start;
  return status;
}

typedef struct recipe {
  const char *path;
  struct timespec written; /* as of the plan in force, or of the last one that was refused */
} recipe;

/* Whether the file was written since the last call. One that is gone, as while an editor replaces it, was
 * not. */
static bool is_edited(recipe *r) {
  struct stat found;
  if (stat(r->path, &found)) return false;
  if (found.st_mtim.tv_sec == r->written.tv_sec && found.st_mtim.tv_nsec == r->written.tv_nsec) return false;
  r->written = found.st_mtim;
  return true;
}

/* An edit of the recipe is swapped in. What is wrong with it is said, and the agent goes on as it was. */
static void follow(recipe *r, prl_runtime *runtime, prl_agent *agent, int number) {
  prl_plan *plan = NULL;
  prl_error error;
  if (!is_edited(r)) return;
  prl_status status = prl_plan_load(runtime, r->path, NULL, &plan, &error);
  if (!status) status = prl_agent_swap(agent, plan, &error);
  if (status)
    printf("frame %d: the recipe stays as it was: %s\n", number, error.message);
  else
    printf("frame %d: the recipe %s is swapped in\n", number, prl_plan_hash(plan));
  fflush(stdout);
  prl_plan_free(plan);
}

static void print_histogram(const int *counts, int frames) {
  static const char *const names[BUCKETS] = {"< 0.25", "< 0.5", "< 1", "< 2", "< 2.5", "< 4", "< 8", ">= 8"};
  printf("the agent's time in a frame, ms (learning budget %.1f)\n", LEARN_US / 1e3);
  for (int b = 0; b < BUCKETS; b++) {
    printf("%7s %6d ", names[b], counts[b]);
    for (int i = 0; i < 50 * counts[b] / frames; i++) putchar('#');
    putchar('\n');
  }
}

static prl_status play(prl_runtime *runtime, prl_agent *agent, recipe *r, int frames, prl_error *error) {
  static const double edges[BUCKETS - 1] = {0.25, 0.5, 1, 2, 2.5, 4, 8};
  static game g = {.random = 1};
  int counts[BUCKETS] = {0};
  double distance = 0, agent_ms = 0, first = 0, last = 0;
  int part = frames / 10 > 0 ? frames / 10 : 1;
  for (int i = 0; i < NPCS; i++) {
    g.ids[i] = 1000 + (uint64_t)i;
    spawn(&g, &g.npcs[i]);
    g.npcs[i].age = i * EPISODE / NPCS; /* not all at once */
  }
  for (int f = 0; f < frames; f++) {
    if (f % LOOK_EVERY == 0) follow(r, runtime, agent, f);
    prl_status status = frame(&g, agent, f, &distance, &agent_ms, error);
    if (status) return status;
    int bucket = 0;
    while (bucket < BUCKETS - 1 && agent_ms >= edges[bucket]) bucket++;
    counts[bucket]++;
    first += f < part ? distance / part : 0;
    last += f >= frames - part ? distance / part : 0;
    /* A game would draw here, and wait for the next sixtieth of a second. */
  }
  print_histogram(counts, frames);
  printf("mean distance to the player: %.2f m in the first tenth, %.2f m in the last\n", first, last);
  const char *notice = prl_agent_notice(agent); /* a capacity that was full: which, and what to set it to */
  if (notice) printf("note: %s\n", notice);
  return PRL_OK;
}

int main(int argc, char **argv) {
  int frames = argc > 1 ? atoi(argv[1]) : 3000;
  recipe file = {.path = argc > 2 ? argv[2] : "npc.lua"};
  arena memory = {.size = (size_t)64 << 20};
  memory.bytes = malloc(memory.size);
  prl_runtime_options options = {.alloc = arena_alloc, .alloc_context = &memory};
  prl_runtime *runtime = NULL;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_error error = {PRL_EINVAL, "usage: c_host [frames] [recipe]"};
  prl_status status = memory.bytes && frames > 0 ? PRL_OK : PRL_EINVAL;
  if (!status) status = prl_runtime_new(&options, &runtime, &error);
  (void)is_edited(&file); /* what is written from now on is an edit */
  if (!status) status = prl_plan_load(runtime, file.path, NULL, &plan, &error);
  if (!status) status = prl_agent_new(plan, &agent, &error);
  if (!status) status = play(runtime, agent, &file, frames, &error);
  if (status)
    fprintf(stderr, "%s\n", error.message);
  else
    printf("memory: %.1f MB of the arena\n", (double)memory.used / 1e6);
  prl_agent_free(agent);
  prl_plan_free(plan);
  prl_runtime_release(runtime);
  free(memory.bytes);
  return status != PRL_OK;
}
