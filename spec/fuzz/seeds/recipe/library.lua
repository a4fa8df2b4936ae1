local t = {3, 1, 2}
table.insert(t, 1, 7) table.remove(t, 2) table.sort(t, function(a, b) return a > b end)
local s = table.concat(t, ",", 1, 2) .. ("x"):rep(3):upper():sub(-2, 2) .. string.format("%5.2f %q", 1 / 3, "y")
local n = select("#", unpack(t, 1, 2)) + (tonumber("10", 16) or 0) + math.max(1, math.ldexp(1, 3))
for k, v in pairs {a = 1} do s = s .. k .. tostring(v) end
return sweep {base = {env = "cartpole", algorithm = "a2c", name = s, tags = {"a" .. n}}, grid = {["algorithm.lr"] = {1e-3}},
  seeds = 2, metric = "reward"}
