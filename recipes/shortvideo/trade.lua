-- One vector for everybody that trades watch time against interactions: the weight says how many seconds of watching an
-- interaction is worth. Several weights give the front that vectors.lua holds:
--   perilune train recipes/shortvideo/trade.lua --set objective.critics.interactions.weight=300
return extend(require "cem", {
  objective = {critics = {
    reward = remove,
    watch = {reward = function(r) return r.watch_time end},
    interactions = {reward = function(r) return r.like + r.follow + r.share + r.download + r.comment end, weight = 300},
  }},
  eval = {every = 0, users = 512},
})
