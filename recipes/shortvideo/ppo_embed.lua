-- As ppo, which sees besides which videos the user watched last: a row of eight numbers for each video of the catalogue is learned,
-- and networks see the mean over the last sixteen.
return extend(require "ppo", {
  env = {history = 16},
  policy = {embed = {video = {vocabulary = 4096, width = 8}}},
})
