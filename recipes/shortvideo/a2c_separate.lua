-- A critic for watching and one for interactions, whose advantages the actor adds: the same reward, discount and number of
-- parameters as the one critic of a2c_joint.lua.
--   perilune compare recipes/shortvideo/a2c_joint.lua recipes/shortvideo/a2c_separate.lua --out runs/joint
--   perilune values runs/joint/a runs/joint/b
return extend(require "a2c", {objective = {critics = {
  reward = remove,
  watching = {reward = function(r) return r.watch_time + 0.5 * r.video_views end, gamma = 0.95},
  interactions = {
    reward = function(r) return 20 * r.like + 100 * r.follow + 100 * r.share + 50 * r.comment end, gamma = 0.95,
  },
}}})
