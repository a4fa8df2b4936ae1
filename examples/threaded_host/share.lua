-- The same agent half way: sharing counts, and watching a tenth of what it did.
return extend(require "watch", {objective = {critics = {watch = {weight = 0.1}, share = {gamma = 0.5}}}})
