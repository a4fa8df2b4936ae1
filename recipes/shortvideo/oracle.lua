-- The yardstick of what can be had: twins that also see what the world knows of the user and production does not (`latent`). A policy
-- of that cannot be served.
return extend(require "twins", {env = {latent = 1}})
