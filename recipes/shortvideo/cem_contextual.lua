-- A little of a personal policy by a search: offsets that are linear in three observations, within their bounds. The search has
-- 40 numbers to find where cem.lua has 10; its trials serve about 10 M requests.
return extend(require "cem", {
  algorithm = {"cem", observes = {"length_taste", "like_propensity", "fast_watch_time"}, population = 48, elites = 12, generations = 24},
})
