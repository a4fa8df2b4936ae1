"""The update that row `gru` of perilune bench times, in PyTorch: values of all rows by their stored states, then a gated recurrent
unit of 64 over 32 numbers, 16 steps of 128 streams, an actor and a critic of two layers of 64 behind it, the losses of a2c, Adam. One
thread, processor time; the rows are there already, so acting and advantages are on neither side.

    python spec/bench/gru_beside_pytorch.py BUILD      (torch needed; from the project's folder)
"""

import json
import statistics
import subprocess
import sys
import time

import torch

STREAMS, STEPS, INPUTS, WIDTH, ACTIONS = 128, 16, 32, 64, 4


def mlp(outputs):
    return torch.nn.Sequential(torch.nn.Linear(WIDTH, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh(),
                               torch.nn.Linear(64, outputs))


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    gru, actor, critic = torch.nn.GRU(INPUTS, WIDTH), mlp(ACTIONS), mlp(1)
    log_std = torch.nn.Parameter(torch.zeros(ACTIONS))
    parameters = [*gru.parameters(), *actor.parameters(), *critic.parameters(), log_std]
    adam = torch.optim.Adam(parameters, lr=7e-4, fused=True)
    x = torch.randn(STEPS, STREAMS, INPUTS)
    state, states = torch.zeros(1, STREAMS, WIDTH), torch.randn(1, STEPS * STREAMS, WIDTH)
    action, advantage, returns = torch.randn(STEPS, STREAMS, ACTIONS), torch.randn(STEPS, STREAMS), torch.randn(STEPS, STREAMS)

    def update():
        with torch.no_grad():
            critic(gru(x.reshape(1, -1, INPUTS), states)[0])
        features = gru(x, state)[0]
        pi = torch.distributions.Normal(actor(features), log_std.exp(), validate_args=False)
        loss = -(pi.log_prob(action).sum(-1) * advantage).mean() - 0.01 * pi.entropy().sum(-1).mean()
        loss = loss + (critic(features).squeeze(-1) - returns).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    for _ in range(20):
        update()
    times = []
    for _ in range(41):
        begun = time.process_time()
        update()
        times.append(1e6 * (time.process_time() - begun))
    torch_us = statistics.median(times)
    lines = subprocess.run([sys.argv[1] + "/perilune", "bench", "gru"], capture_output=True, text=True, check=True).stdout
    own_us = json.loads(lines.splitlines()[0])["value"]
    print("PyTorch %s: %.0f us; perilune, all of agent:learn: %.0f us; %.2f" % (torch.__version__, torch_us, own_us, own_us / torch_us))


main()
