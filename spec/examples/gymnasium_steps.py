"""train.py's Steps over Gymnasium's three autoreset modes, and the spaces that it takes: the same stream of steps from an
environment that counts. Environment i ends at its step 3 + i by itself, or is truncated there where i is odd."""
import sys

import gymnasium
import numpy
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

sys.path.insert(0, "examples/gymnasium")
from train import TERMINATED, TRUNCATED, WAITING, Steps, action_of, observations_of  # noqa: E402


class Counting(gymnasium.Env):
    observation_space = spaces.Box(-1e6, 1e6, (2,), numpy.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, index):
        self.index, self.episode = index, -1

    def reset(self, *, seed=None, options=None):
        self.episode, self.t = self.episode + 1, 0
        return numpy.array([self.episode, 0], numpy.float32), {}

    def step(self, action):
        assert action == self.episode % 2, "the action of another episode"
        self.t += 1
        over, odd = self.t == 3 + self.index, self.index % 2 == 1
        return numpy.array([self.episode, self.t], numpy.float32), float(10 * self.episode + self.t), over and not odd, over and odd, {}


def seen(mode):
    """For each environment, its decisions: (observation, reward, end, final observation)."""
    envs = SyncVectorEnv([lambda i=i: Counting(i) for i in range(3)], autoreset_mode=mode)
    steps = Steps(envs)
    steps.reset(1)
    found, waits = [[], [], []], 0
    for _ in range(40):
        acted = [None if wait else tuple(row) for wait, row in zip(steps.waiting, steps.observation)]
        action = numpy.array([int(row[0]) % 2 for row in steps.observation])  # NEXT_STEP ignores that of one that waits
        steps.step(action)
        waits += int(steps.waiting.sum())
        assert ((steps.flags & WAITING != 0) == steps.waiting).all()
        for i, observation in enumerate(acted):
            end = int(steps.flags[i]) & (TERMINATED | TRUNCATED)
            if observation is None:
                assert steps.reward[i] == 0 and not end
            else:
                found[i].append((observation, float(steps.reward[i]), end, tuple(steps.final[i]) if end else None))
    return found, waits


expected = []
for i in range(3):
    one = []
    for episode in range(14):
        for t in range(3 + i):
            over = t == 2 + i
            end = (TRUNCATED if i % 2 else TERMINATED) if over else 0
            one.append(((episode, t), 10.0 * episode + t + 1, end, (episode, 3 + i) if over else None))
    expected.append(one)
for mode in AutoresetMode:
    found, waits = seen(mode)
    assert (waits > 0) == (mode == AutoresetMode.NEXT_STEP), (mode, waits)
    for i in range(3):
        assert len(found[i]) >= 30 and found[i] == expected[i][:len(found[i])], (mode, i, found[i][:12])


def made(space, numbers):
    action, to_env = action_of(space)
    made = to_env(numpy.array(numbers, numpy.float32))
    assert all(space.contains(one) for one in made), (space, made)
    return action, made.tolist()


assert made(spaces.Discrete(3, start=-1), [[0], [2]]) == ({"kind": "discrete", "dimensions": [3]}, [-1, 1])
assert made(spaces.MultiDiscrete([2, 5]), [[1, 4]]) == ({"kind": "multi_discrete", "dimensions": [2, 5]}, [[1, 4]])
assert made(spaces.MultiBinary(2), [[1, 0]]) == ({"kind": "multi_discrete", "dimensions": [2, 2]}, [[1, 0]])
assert made(spaces.Box(numpy.array([[-2.0, 0.0]], numpy.float32), 1.0), [[-2, 0.5]]) == (
    {"kind": "continuous", "dimensions": [[-2, 1], [0, 1]]}, [[[-2, 0.5]]])
for refused, sentence in ((lambda: action_of(spaces.Box(-numpy.inf, 1, (1,))), "finite bounds"),
                          (lambda: action_of(spaces.Text(3)), "Discrete"),
                          (lambda: observations_of(spaces.Discrete(3)), "FlattenObservation")):
    try:
        refused()
    except SystemExit as error:
        assert sentence in str(error), error
    else:
        raise AssertionError(sentence)
