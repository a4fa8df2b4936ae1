"""The training step of recipes/kuairand/ltr.lua in PyTorch beside Perilune's program: same architecture and dropout,
batches in memory, one thread, processor time, by turns. PyTorch steps everything with its fused Adam, which is faster
than its SparseAdam for the table; Perilune's Adam is lazy on the table's rows.

    python spec/bench/ranker_beside_pytorch.py BUILD      (torch needed; from the project's folder)
"""

import statistics
import subprocess
import sys
import time

import torch

CATEGORIES, SEQUENCES, LENGTH, WIDTH, NUMBERS, ROWS, HEADS = 36, 2, 10, 8, 70, 15797, 7  # as the log gives them

LUA = """
package.cpath = "%s/lua/?.so;" .. package.cpath
local prl = require "perilune"
local loaded = assert(require("perilune.fit").load("recipes/kuairand/ltr.lua",
  {set = {"train.batch=%d"}}))
local recipe, rows = loaded.recipe, 8192
prl.seed(1)
local function ids(width) return (prl.rand(rows, width) * %d):to "int32" end
local made = {rows = rows, ids = ids(#recipe.categories), sequences = ids(20), numbers = prl.randn(rows, %d),
  labels = (prl.rand(rows, 7) * 2):to("int32"):to "float32", heads = {"click", "comment", "follow", "like", "long_view",
  "share", "play_time"}, priors = {}, table_rows = %d, number_names = {}, sequence_lengths = {10, 10}}
for i = 1, %d do made.number_names[i] = "n" .. i end
for _, head in ipairs(made.heads) do made.priors[head] = .5 end
local net = require("perilune.fit.model").new(recipe, made, prl.arange(0, rows - 1):to "int32")
local program = require("perilune.fit.train").program(net, recipe, made)
local batch, at = recipe.train.batch, 0
local function step()
  for k, name in ipairs {"ids", "sequences", "numbers", "labels"} do
    program:input(k):copy_(made[name]:narrow(1, at + 1, at + batch))
  end
  at = (at + batch) %% rows
  program:run()
end
for _ = 1, 20 do step() end
local begun, steps = os.clock(), math.floor(51200 / batch)
for _ = 1, steps do step() end
print((os.clock() - begun) / steps * 1e6)
"""


class Ranker(torch.nn.Module):
    def __init__(self):
        super().__init__()
        inputs = (CATEGORIES + SEQUENCES) * WIDTH + NUMBERS
        self.table = torch.nn.Embedding(ROWS, WIDTH)
        self.body = torch.nn.Sequential(
            torch.nn.Linear(inputs, 128), torch.nn.ReLU(), torch.nn.Linear(128, 64), torch.nn.ReLU(), torch.nn.Dropout(0.2)
        )
        self.head = torch.nn.Linear(64, HEADS)
        self.wide = torch.nn.Linear(inputs, HEADS)

    def forward(self, ids, items, numbers):
        parts = [self.table(ids).flatten(1)]
        parts += [self.table(items[:, k * LENGTH : (k + 1) * LENGTH]).mean(1) for k in range(SEQUENCES)]
        z = torch.cat(parts + [numbers.clamp(-6, 6)], 1)
        return self.head(self.body(z)) + self.wide(z)


def pytorch(batch):
    torch.manual_seed(1)
    net = Ranker()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, fused=True)
    rows = 8192
    ids, items = torch.randint(ROWS, (rows, CATEGORIES)), torch.randint(ROWS, (rows, SEQUENCES * LENGTH))
    numbers, labels = torch.randn(rows, NUMBERS), torch.randint(2, (rows, HEADS)).float()
    weight = torch.tensor([1.0, 20, 20, 5, 1, 20])

    def step(at):
        part = slice(at, at + batch)
        out = net(ids[part], items[part], numbers[part])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(out[:, :6], labels[part, :6], reduction="none")
        loss = (loss.mean(0) * weight).sum() + 0.3 * ((out[:, 6] - labels[part, 6]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for k in range(10):
        step(k * batch % rows)
    steps = 25600 // batch
    begun = time.process_time()
    for k in range(steps):
        step(k * batch % rows)
    return (time.process_time() - begun) / steps * 1e6


def perilune(build, batch):
    text = LUA % (build, batch, ROWS, NUMBERS, ROWS, NUMBERS)
    return float(subprocess.run(["luajit", "-e", text], capture_output=True, text=True, check=True).stdout)


torch.set_num_threads(1)
for batch in (256, 1024):
    pairs = [(pytorch(batch), perilune(sys.argv[1], batch)) for _ in range(5)]
    theirs, ours = (statistics.median(column) for column in zip(*pairs))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"batch {batch}: PyTorch {torch.__version__} {theirs:.0f} us, Perilune {ours:.0f} us, ratio {ratio:.2f}")
