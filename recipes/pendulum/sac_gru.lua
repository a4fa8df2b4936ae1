-- As sac_hidden, with a memory, which can tell the velocity from the angles before.
return extend(require "sac_hidden", {policy = {memory = {"gru", 64, stretch = 10}}})
