--- Multipliers of a divergence that are driven, for the losses of algorithms: λ rises while the divergence is above its bound and
--- falls while it is below. What is stepped is log λ, so that λ stays positive.
local prl = require "perilune"

local multiplier = {}

local log_least, log_greatest = math.log(1e-6), math.log(1e3)

--- log λ, a parameter that is named so and that learn:minimise steps; it begins at log(first).
function multiplier.new(learn, name, first) return learn:parameter(name, prl.full({1}, math.log(first))) end

--- λ, a scalar between 1e-6 and 1e3.
function multiplier.value(logarithm) return logarithm:clamp(log_least, log_greatest):exp():sum() end

--- λ (ε − D), whose descent drives the divergence D, a scalar, to its bound ε.
function multiplier.loss(value, bound, divergence) return value * (bound - divergence:detach()) end

return multiplier
