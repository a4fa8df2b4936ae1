"""news.lua with Vowpal Wabbit (pip install vowpalwabbit), as its tutorial has it.

    python examples/bandit/news_vw.py [SEEDS [ROUNDS [OPTIONS]]]
"""
import random
import sys

import vowpalwabbit

SEEDS, ROUNDS = (int(word) for word in (sys.argv[1:3] + ["10", "5000"][len(sys.argv[1:3]):]))
OPTIONS = sys.argv[3] if len(sys.argv) > 3 else "--cb_explore_adf -q UA --epsilon 0.2"
ARTICLES = ["politics", "sports", "music", "food", "finance", "health", "camping"]
LIKES = {("Tom", "morning"): "politics", ("Tom", "afternoon"): "music",
         ("Anna", "morning"): "sports", ("Anna", "afternoon"): "politics"}


def example(who, when, label=None):
    lines = [f"shared |User user={who} time_of_day={when}"]
    for article in ARTICLES:
        cost = f"0:{label[1]}:{label[2]} " if label and label[0] == article else ""
        lines.append(f"{cost}|Action article={article}")
    return "\n".join(lines)


tenths = [0] * 10
for seed in range(1, SEEDS + 1):
    random.seed(seed)
    workspace = vowpalwabbit.Workspace(f"{OPTIONS} --quiet --random_seed {seed}")
    for round in range(ROUNDS):
        who, when = random.choice(("Tom", "Anna")), random.choice(("morning", "afternoon"))
        shares = workspace.predict(example(who, when))
        k = random.choices(range(len(ARTICLES)), shares)[0]
        click = int(ARTICLES[k] == LIKES[who, when])
        workspace.learn(example(who, when, (ARTICLES[k], -click, shares[k])))
        tenths[10 * round // ROUNDS] += click
    workspace.finish()
print("up to round   clicks")
for i, clicks in enumerate(tenths):
    print(f"{(i + 1) * ROUNDS // 10:>11}   {1000 * clicks / (ROUNDS * SEEDS):5.1f} %")
