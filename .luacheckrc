std = "luajit"
max_line_length = 140
cache = false
self = false -- a method may have no use for its object
exclude_files = {"build*", "runs", ".git"}

-- A recipe meets the names of its sandbox (lua/perilune/recipe/sandbox).
files["recipes"] = {
  read_globals = {
    "extend", "remove", "relative", "learned", "where", "gt", "ge", "lt", "le", "eq", "both", "either", "negate",
    "min", "max", "clip", "log1p", "abs", "exp", "log", "sqrt", "linear", "cosine", "warmup", "piecewise", "expression", "sweep",
    "experiment", "ratio",
  },
}
files["examples/*/recipe.lua"] = files["recipes"]
files["examples/threaded_host/*.lua"] = files["recipes"]
files["spec"] = {std = "+busted"}
