--- `perilune lua drive.lua RECIPE N`: five updates over N instances and nothing else, for the row user_memory.
local prl = require "perilune"
local environment = require "perilune.trainer.environment"

local path, n = ...
local loaded = assert(prl.recipe.load(path, {set = {"env.n=" .. n}}))
local env = assert(environment.make(loaded.env, loaded.env.n, 1))
local agent = assert(prl.recipe.agent(loaded))
agent:drive(env, 5 * loaded.recipe.algorithm.rollout * loaded.env.n + loaded.recipe.train.warmup)
