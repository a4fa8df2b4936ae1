local names = {"a", "b"}
local critics = {}
for i, name in ipairs(names) do
  critics[name] = {reward = function(r) return i * r.hit - max(r.miss, 1) end, gamma = 1 / i}
end
return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 1}, fire = {0, 1}},
         responses = {hit = {unit = "count", combine = "sum"}, miss = {missing = 1, wait = "30 s"}}},
  objective = {critics = critics}, algorithm = {"a2c", optimizer = {"adam", beta1 = 0.8}},
  agent = {streams = 10, rows = 100, idle = "5 min"},
}
