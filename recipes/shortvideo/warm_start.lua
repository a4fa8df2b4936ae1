-- A personal policy that begins at the best vector for everybody, as at what is in production, is judged against it, and may
-- differ from it by a divergence of so many nats; what it differs by, it learned.
local production = (require "vectors").best

return extend(require "a2c", {
  policy = {start = {constant = production}, log_std = {init = -1.5}},
  algorithm = {trust = {"bound", kl_to_start = 2, lr = 0.003}},
  eval = {baseline = production},
})
