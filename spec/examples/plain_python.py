"""examples/gymnasium/learner.py without numpy or Gymnasium: an environment made up here, and what can go wrong.

    python3 spec/examples/plain_python.py RECIPE FILE
"""
import array
import os
import random
import signal
import sys

sys.path.insert(0, "examples/gymnasium")
from learner import TERMINATED, TRUNCATED, Learner, LearnerError  # noqa: E402

ENVS = 8
RECIPE, FILE = sys.argv[1:]
DISCRETE = {"kind": "discrete", "dimensions": [2]}


def new(action=DISCRETE, recipe=RECIPE, **more):
    return Learner(recipe, FILE, envs=ENVS, observations=2, action=action, perilune=os.environ["PERILUNE"], **more)


def floats(values):
    return array.array("f", values).tobytes()


def learned():
    """The right action is the side that x1 is on. Returns the share of right ones in the last 1,000 steps of each."""
    random.seed(1)
    right = []
    with new(overrides=["algorithm.lr=3e-3", "objective.critics.reward.gamma=0"]) as learner:
        assert learner.ready["steps"] == 10000 and learner.ready["seed"] == 3, learner.ready
        seen = [random.choice((-1, 1)) for _ in range(ENVS)]
        flags, reward = bytes(ENVS), [0.0] * ENVS
        for step in range(1500):
            both = [number for x in seen for number in (x, 0.5)]
            action = array.array("f", learner.step(flags, floats(reward), floats(both), floats(both)))
            reward = [float(a == (x > 0)) for a, x in zip(action, seen)]
            flags = bytes((TERMINATED, TRUNCATED, 0)[step % 3] for _ in range(ENVS))
            seen = [random.choice((-1, 1)) for _ in range(ENVS)]
            right += reward
        said = learner.end()
    assert said["steps"] == 1500 * ENVS and said["metrics"]["updates"] > 40, said
    return sum(right[-1000 * ENVS:]) / (1000 * ENVS)


def refused(what, sentence, kind=LearnerError):
    try:
        what()
    except kind as error:
        assert sentence in str(error), error
    else:
        raise AssertionError(f"{sentence}: not refused")


def killed():
    with new() as learner:
        os.kill(learner.child.pid, signal.SIGKILL)
        learner.child.wait()
        nothing = bytes(8 * ENVS)
        learner.step(bytes(ENVS), bytes(4 * ENVS), nothing, nothing)


def wrong_size():
    with new() as learner:
        learner.step(bytes(ENVS), bytes(4 * ENVS), bytes(4), bytes(8 * ENVS))


def not_a_number():
    with new() as learner:
        bad = floats([float("nan")] * 2 * ENVS)
        learner.step(bytes(ENVS), bytes(4 * ENVS), bad, bad)


share = learned()
assert share > 0.9, share
refused(killed, "it ended without a word (exit code -9)")
refused(wrong_size, "observation has 4 bytes; the schema says 64", ValueError)
refused(not_a_number, "x1")
refused(lambda: new(recipe="nowhere.lua"), "nowhere.lua")
refused(lambda: new(action={"kind": "discrete", "dimensions": [1]}), "dimension 1 of the action is 1; a whole number from 2")
refused(lambda: new(overrides=["algorithm.lrr=1"]), 'the nearest is "lr"')
refused(lambda: Learner(RECIPE, FILE, envs=1, observations=2, action=DISCRETE, perilune="/nowhere"), "/nowhere cannot be started")
