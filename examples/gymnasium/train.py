"""Trains an agent by a recipe of Perilune's on a Gymnasium environment, which stays as it is, in Python.

    python train.py CartPole-v1 ../../recipes/cartpole/ppo.lua --envs 8

The recipe's own env is replaced by the Gymnasium environment; its reward is the response `reward`. README.md has the
rest.
"""
import argparse
import os
import signal
import sys
import time

import gymnasium
import numpy
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from learner import TERMINATED, TRUNCATED, WAITING, Learner, LearnerError


def action_of(space):
    """The action as the learner has it, and what makes of its numbers what the environments take."""
    if isinstance(space, spaces.Discrete):
        return {"kind": "discrete", "dimensions": [int(space.n)]}, \
            lambda action: action[:, 0].astype(space.dtype) + space.start
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)) and len(space.shape) == 1:
        counts = space.nvec if isinstance(space, spaces.MultiDiscrete) else [2] * space.n
        start = getattr(space, "start", 0)
        return {"kind": "multi_discrete", "dimensions": [int(n) for n in counts]}, \
            lambda action: action.astype(space.dtype) + numpy.asarray(start, space.dtype)
    if isinstance(space, spaces.Box) and space.is_bounded():
        bounds = numpy.stack([space.low.ravel(), space.high.ravel()], 1)
        return {"kind": "continuous", "dimensions": bounds.astype(float).tolist()}, \
            lambda action: action.reshape(-1, *space.shape).astype(space.dtype)
    raise SystemExit(f"train.py: the action space is {space}; Discrete, MultiDiscrete or MultiBinary of one dimension, "
                     "or a Box with finite bounds is needed (gymnasium.wrappers.TransformAction makes one)")


def observations_of(space):
    if not isinstance(space, spaces.Box):
        raise SystemExit(f"train.py: the observation space is {space}; a Box is needed "
                         "(gymnasium.wrappers.FlattenObservation makes one)")
    return int(numpy.prod(space.shape))


class Steps:
    """A vector environment as the learner sees it, whichever of Gymnasium's three ways its episodes begin anew.

    After step(): flags, reward and observation (what is acted on next), and final, the last observation of the episodes
    that ended. SAME_STEP gives the next episode's first observation at once and the last one in infos["final_obs"]. With
    NEXT_STEP the last one comes first, and the next step, whose action and reward mean nothing, resets: such an
    environment is WAITING. With DISABLED we reset it.
    """

    def __init__(self, envs):
        self.envs, self.mode = envs, envs.metadata.get("autoreset_mode")
        if not isinstance(self.mode, AutoresetMode):
            raise SystemExit('train.py: the vector environment does not say its autoreset mode, metadata["autoreset_mode"]')
        self.size = observations_of(envs.single_observation_space)
        self.waiting = numpy.zeros(envs.num_envs, bool)

    def _rows(self, observation):
        return numpy.asarray(observation, numpy.float32).reshape(self.envs.num_envs, self.size)

    def reset(self, seed):
        observation, _ = self.envs.reset(seed=seed)
        self.observation = self.final = self._rows(observation)
        self.flags, self.reward = numpy.zeros(self.envs.num_envs, numpy.uint8), numpy.zeros(self.envs.num_envs)
        self.waiting[:] = False

    def step(self, action):
        observation, reward, terminated, truncated, infos = self.envs.step(action)
        was_waiting, done = self.waiting.copy(), (terminated | truncated) & ~self.waiting
        self.final = self.observation = self._rows(observation)
        self.reward = numpy.where(was_waiting, 0, reward)
        self.waiting[:] = False
        if done.any():
            self._begin_anew(done, infos)
        self.flags = (numpy.where(done, numpy.where(terminated, TERMINATED, TRUNCATED), 0)
                      + WAITING * self.waiting).astype(numpy.uint8)

    def _begin_anew(self, done, infos):
        if self.mode == AutoresetMode.NEXT_STEP:
            self.waiting = done.copy()
        elif self.mode == AutoresetMode.SAME_STEP:
            self.final = self.observation.copy()
            for i in numpy.flatnonzero(done):
                self.final[i] = numpy.asarray(infos["final_obs"][i], numpy.float32).ravel()
        else:
            self.final = self.observation.copy()
            self.observation = self._rows(self.envs.reset(options={"reset_mask": done})[0])


def numbers(action, steps):
    return numpy.frombuffer(action, numpy.float32).reshape(steps.envs.num_envs, -1)


def returns(steps, totals):
    """Adds the last rewards to the running totals; the returns of the episodes that ended."""
    totals += steps.reward
    over = steps.flags & (TERMINATED | TRUNCATED) != 0
    ended = totals[over].tolist()
    totals[over] = 0
    return ended


class Stop:
    """Ctrl-C between two steps: within one it would leave half of a frame. A second one ends at once."""

    def __enter__(self):
        self.asked, self.before = False, signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, *_):
        self.asked = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_):
        signal.signal(signal.SIGINT, self.before)


def train(learner, steps, to_env, report=print):
    """Until the recipe's steps are made or Ctrl-C comes. → the steps made."""
    whole, made, ended, begin = learner.ready["steps"], 0, [], time.monotonic()
    totals, line = numpy.zeros(steps.envs.num_envs), whole / 10
    steps.reset(learner.ready["seed"])
    with Stop() as stop:
        while made < whole and not stop.asked:
            action = learner.step(steps.flags.tobytes(), steps.reward.astype(numpy.float32).tobytes(),
                                  steps.observation.tobytes(), steps.final.tobytes())
            made += int(steps.envs.num_envs - steps.waiting.sum())
            steps.step(to_env(numbers(action, steps)))
            ended += returns(steps, totals)
            if made >= line:
                mean = f"mean return {numpy.mean(ended):.1f} of {len(ended)} episodes" if ended else "no episode ended"
                report(f"step {made:,}: {mean}; {made / (time.monotonic() - begin):,.0f} steps/s")
                ended, line = [], line + whole / 10
    return made


def evaluate(learner, steps, to_env):
    """Whole episodes by the recipe's eval.action, an equal share of each environment: → their returns."""
    share = -(-learner.ready["episodes"] // steps.envs.num_envs)
    totals, found = numpy.zeros(steps.envs.num_envs), [[] for _ in range(steps.envs.num_envs)]
    steps.reset(learner.ready["evaluation_seed"])
    while min(map(len, found)) < share:
        steps.step(to_env(numbers(learner.judge(steps.observation.tobytes()), steps)))
        over = numpy.flatnonzero(steps.flags & (TERMINATED | TRUNCATED))
        for i, value in zip(over, returns(steps, totals)):
            found[i].append(value)
    return [value for one in found for value in one[:share]]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("env", help="the name of a Gymnasium environment")
    parser.add_argument("recipe", help="the recipe's file")
    parser.add_argument("--envs", type=int, default=8, help="instances, stepped together; default 8")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="an override, as algorithm.lr=1e-3")
    parser.add_argument("--seed", type=int, help="in place of train.seed")
    parser.add_argument("--out", default="agent.safetensors", help="where the agent is saved; default %(default)s")
    parser.add_argument("--vectorization", default="sync", help="of gymnasium.make_vec: sync, async or vector_entry_point")
    parser.add_argument("--perilune", default=os.environ.get("PERILUNE", "perilune"), help="the executable")
    return parser.parse_args()


def make(words):
    def of(**more):
        return gymnasium.make_vec(words.env, num_envs=words.envs, vectorization_mode=words.vectorization, **more)
    if words.vectorization == "vector_entry_point":  # takes no wrappers, and has an autoreset mode of its own
        return of()
    given = {"vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP}}
    envs = of(**given)
    if isinstance(envs.single_observation_space, spaces.Box):
        return envs
    envs.close()
    return of(wrappers=[gymnasium.wrappers.FlattenObservation], **given)


def main():
    words = parse()
    try:
        envs = make(words)
    except (gymnasium.error.Error, ValueError) as error:
        sys.exit(f"train.py: {error}")
    steps = Steps(envs)
    action, to_env = action_of(envs.single_action_space)
    overrides = words.set + ([f"train.seed={words.seed}"] if words.seed is not None else [])
    try:
        with Learner(words.recipe, words.out, envs=envs.num_envs, observations=steps.size, action=action,
                     overrides=overrides, perilune=words.perilune) as learner:
            made = train(learner, steps, to_env)
            whole = made >= learner.ready["steps"]
            if whole:
                found = evaluate(learner, steps, to_env)
                print(f"evaluation: mean return {numpy.mean(found):.1f} of {len(found)} episodes")
            print(f"{'saved' if whole else f'stopped at step {made:,} and saved'} in {learner.end()['file']}")
    except LearnerError as error:
        sys.exit(f"train.py: {error}")
    finally:
        envs.close()
    sys.exit(0 if whole else 130)


if __name__ == "__main__":
    main()
