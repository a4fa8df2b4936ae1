-- As ppo, with a narrower policy and without the luck of who goes on: a model of who stays after a request, from what the request
-- brought, stands for the coin that ends the session, which makes most of a long return's noise.
return extend(require "ppo", {
  policy = {log_std = {init = -1.6}},
  algorithm = {continuation = {"model", responses = {"watch_time", "like"}, per = "video_views"}},
})
