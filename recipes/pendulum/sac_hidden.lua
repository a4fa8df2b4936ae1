-- As sac, without the angular velocity: what the pendulum does next does not follow from what is seen.
return extend(require "sac", {policy = {observes = {hide = {"angular_velocity"}}}, algorithm = {minibatch = 400}})
