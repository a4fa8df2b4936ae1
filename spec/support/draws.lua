--- Uniform numbers in (0, 1) for specs that need the same ones each time (Park & Miller 1988): draws(seed) gives a function.
return function(seed)
  local state = seed
  return function()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
end
