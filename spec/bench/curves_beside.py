"""Learning curves of other programs beside Perilune's, in one table: recipes/FROM.md says what for.

    python spec/bench/curves_beside.py sb3 --seeds 10              # Stable-Baselines3's PPO on CartPole, its defaults
    python spec/bench/curves_beside.py cleanrl ppo.py --seeds 5    # CleanRL's cleanrl/ppo.py as it is, 4 environments
    python spec/bench/curves_beside.py mlagents --seeds 5          # the trainer of ML-Agents; settings below
    python spec/bench/curves_beside.py perilune RUNS               # folders of runs that `perilune train` left below RUNS

Curves are kept in --out, as runs keep theirs; a seed that is there is not run again. A curve is, for each update, the mean return of the episodes that ended in it, as metrics.csv has it; a line of the table
is the mean over the updates of an interval of steps, then over seeds, with Student's 95 % interval. Needs SB3, CleanRL's
or ML-Agents' own packages, from PyPI.
"""
import argparse
import csv
import glob
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

STUDENT = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]  # two-sided 95 %, by degrees of freedom


def by_update(episodes, rows):
    """[(step at the end of an update, mean return)] from [(step at which an episode ended, return)]."""
    ended = {}
    for step, value in episodes:
        ended.setdefault(math.ceil(step / rows) * rows, []).append(value)
    return [(step, statistics.fmean(values)) for step, values in sorted(ended.items())]


def sb3(seed, steps, until):
    import gymnasium
    import stable_baselines3
    import torch
    from stable_baselines3.common.callbacks import BaseCallback

    torch.set_num_threads(1)

    class Ended(BaseCallback):
        def _on_training_start(self):
            self.episodes = []

        def _on_step(self):
            for info in self.locals["infos"]:
                if "episode" in info:
                    self.episodes.append((self.num_timesteps, info["episode"]["r"]))
            return self.num_timesteps < until

    ended = Ended()
    model = stable_baselines3.PPO("MlpPolicy", gymnasium.make("CartPole-v1"), seed=seed, device="cpu")
    model.learn(steps, callback=ended)
    return by_update(ended.episodes, model.n_steps)


def cleanrl(seed, steps, until, script):
    words = [sys.executable, os.path.abspath(script), "--seed", str(seed), "--total-timesteps", str(steps), "--no-cuda"]
    found = []
    with tempfile.TemporaryDirectory() as folder:  # it leaves a folder runs/
        child = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"})
        for line in child.stdout:
            ended = re.match(r"global_step=(\d+), episodic_return=\[?([\d.]+)", line)
            if ended:
                found.append((int(ended[1]), float(ended[2])))
            if found and found[-1][0] >= until:
                child.terminate()
        if child.wait() and not (found and found[-1][0] >= until):
            sys.exit("it failed")
    return by_update(found, 4 * 128)


MLAGENTS = {  # the YAML that recipes/cartpole/from_mlagents.lua says, as ML-Agents reads it
    "trainer_type": "ppo", "threaded": False, "max_steps": 200_000, "time_horizon": 128, "summary_freq": 200_000,
    "hyperparameters": {"batch_size": 256, "buffer_size": 2048, "learning_rate": 1e-3, "beta": 5e-3, "epsilon": 0.2,
                        "lambd": 0.95, "num_epoch": 3, "learning_rate_schedule": "linear"},
    "network_settings": {"normalize": False, "hidden_units": 128, "num_layers": 2},
    "reward_signals": {"extrinsic": {"gamma": 0.99, "strength": 1.0}},
}
AGENTS = 8


class Enough(Exception):
    pass


def mlagents(seed, steps, until):
    """ML-Agents' own trainer, with CartPole for eight agents in place of a scene of Unity's."""
    import numpy
    import gymnasium
    import torch
    from mlagents.plugins.trainer_type import register_trainer_plugins
    from mlagents.trainers.environment_parameter_manager import EnvironmentParameterManager
    from mlagents.trainers.model_saver.torch_model_saver import TorchModelSaver
    from mlagents.trainers.settings import TrainerSettings
    from mlagents.trainers.simple_env_manager import SimpleEnvManager
    from mlagents.trainers.trainer import TrainerFactory
    from mlagents.trainers.trainer_controller import TrainerController
    from mlagents_envs.base_env import (ActionSpec, BaseEnv, BehaviorSpec, DecisionSteps, DimensionProperty,
                                        ObservationSpec, ObservationType, TerminalSteps)
    from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel

    torch.set_num_threads(1)
    register_trainer_plugins()
    TorchModelSaver.export = lambda *_: None  # no ONNX files
    seen = ObservationSpec((4,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "obs")
    spec, name, ended = BehaviorSpec([seen], ActionSpec(0, (2,))), "CartPole?team=0", []

    class Scene(BaseEnv):
        behavior_specs = {name: spec}

        def __init__(self):
            self.envs = [gymnasium.make("CartPole-v1") for _ in range(AGENTS)]
            self.made, self.fresh = 0, 0

        def _new_id(self):
            self.fresh += 1
            return self.fresh

        def reset(self):
            self.ids, self.sums = [self._new_id() for _ in self.envs], [0.0] * AGENTS
            self.obs = [env.reset(seed=1000 * seed + i if not self.made else None)[0] for i, env in enumerate(self.envs)]
            self.rewards, self.over = [0.0] * AGENTS, []

        def set_actions(self, behavior_name, action):
            self.action = action.discrete[:, 0]

        def set_action_for_agent(self, behavior_name, agent_id, action):
            raise NotImplementedError

        def step(self):
            if self.made >= until:
                raise Enough
            self.over = []
            for i, env in enumerate(self.envs):
                self.obs[i], reward, terminated, truncated, _ = env.step(int(self.action[i]))
                self.made, self.sums[i], self.rewards[i] = self.made + 1, self.sums[i] + reward, reward
                if terminated or truncated:
                    self.over.append((self.obs[i], reward, truncated and not terminated, self.ids[i]))
                    ended.append((self.made, self.sums[i]))
                    self.obs[i], self.rewards[i], self.sums[i], self.ids[i] = env.reset()[0], 0.0, 0.0, self._new_id()

        def get_steps(self, behavior_name):
            def floats(values, *shape):
                return numpy.array(values, numpy.float32).reshape(-1, *shape)
            n, over = AGENTS, self.over
            decide = DecisionSteps([floats(self.obs, 4)], floats(self.rewards), numpy.array(self.ids),
                                   [numpy.zeros((n, 2), bool)], numpy.zeros(n, int), numpy.zeros(n, numpy.float32))
            end = TerminalSteps([floats([o[0] for o in over], 4)], floats([o[1] for o in over]),
                                numpy.array([o[2] for o in over], bool), numpy.array([o[3] for o in over], int),
                                numpy.zeros(len(over), int), numpy.zeros(len(over), numpy.float32))
            return decide, end

        def close(self):
            pass

    settings = TrainerSettings.structure({**MLAGENTS, "max_steps": steps}, TrainerSettings)
    with tempfile.TemporaryDirectory() as folder:
        manager = EnvironmentParameterManager()
        factory = TrainerFactory(trainer_config={"CartPole": settings}, output_path=folder, train_model=True,
                                 load_model=False, seed=seed, param_manager=manager)
        controller = TrainerController(factory, folder, "cartpole", manager, True, seed)
        try:
            controller.start_learning(SimpleEnvManager(Scene(), EnvironmentParametersChannel()))
        except Enough:
            pass
    return by_update(ended, settings.hyperparameters.buffer_size)


def perilune(folder):
    runs = []
    for path in sorted(glob.glob(folder + "/**/metrics.csv", recursive=True)):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        name = next(key for key in rows[0] if key.startswith("episodic_return/"))
        runs.append([(int(row["step"]), float(row[name])) for row in rows if row[name]])
    return runs


def kept(one, program, seed, steps, until, out):
    path = f"{out}/{program}-s{seed}/metrics.csv"
    if not os.path.exists(path):
        curve = one(seed, steps, until)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("step", "episodic_return/" + program), *curve])
    return perilune(os.path.dirname(path))[0]


def table(curves, width):
    print(f"{len(curves)} seeds\nup to step   mean return ± 95 %   least   greatest")
    last = max(step for curve in curves for step, _ in curve)
    for end in range(width, last + width - 1, width):
        means = []
        for curve in curves:
            values = [value for step, value in curve if end - width < step <= end]
            if values:
                means.append(statistics.fmean(values))
        if not means:
            continue
        spread = 0.0
        if len(means) > 1:
            freedom = min(len(means) - 1, len(STUDENT))
            spread = STUDENT[freedom - 1] * statistics.stdev(means) / math.sqrt(len(means))
        print(f"{end:>12,}   {statistics.fmean(means):8.1f} ± {spread:5.1f}     {min(means):5.1f}    {max(means):5.1f}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=["sb3", "cleanrl", "mlagents", "perilune"])
    parser.add_argument("path", nargs="?", help="of CleanRL's ppo.py, or of a folder of runs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of each run; default: 100,000, of CleanRL 500,000, of ML-Agents 200,000")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--until", type=int, help="leave each run after so many steps; schedules are those of --steps")
    parser.add_argument("--out", default="runs/beside", help="the folder for curves; default %(default)s")
    parser.add_argument("--every", type=int, help="steps of an interval; default: a tenth of the run")
    words = parser.parse_args()
    if words.program in ("cleanrl", "perilune") and not words.path:
        parser.error(f"{words.program} takes a path")
    steps = words.steps or {"cleanrl": 500_000, "mlagents": 200_000}.get(words.program, 100_000)
    if words.program == "perilune":
        curves = perilune(words.path)
        steps = words.steps or max(curve[-1][0] for curve in curves)
    else:
        one = {"sb3": sb3, "mlagents": mlagents,
               "cleanrl": lambda seed, steps, until: cleanrl(seed, steps, until, words.path)}[words.program]
        seeds = range(words.first_seed, words.first_seed + words.seeds)
        curves = [kept(one, words.program, seed, steps, words.until or steps, words.out) for seed in seeds]
    table(curves, words.every or int(float(f"{steps / 10:.1g}")))


main()
