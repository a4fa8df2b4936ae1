-- ppo_continuation for the world in which sessions hardly answer to what is shown: a shorter discount, each step judged by the next
-- value alone, and critics that do not read what the policy did lately, which tells nothing of what is to come.
return extend(require "ppo_continuation", {
  env = {preset = "weak"},
  objective = {critics = {reward = {gamma = 0.8, observes = {hide = {"mean_action_*"}}}}},
  algorithm = {lambda = 0},
})
