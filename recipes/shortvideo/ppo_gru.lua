-- As ppo_hidden, with a memory of its own in place of what is hidden: a gated recurrent unit that goes on through a session.
return extend(require "ppo_hidden", {policy = {memory = {"gru", 64, stretch = 32}}})
