--- A cue is shown in the first step of an episode, and asked for in the last: what one sees then says nothing of it. A policy
--- without a memory is right every other time.
local recall = {
  summary = "Say at the end what was shown at the beginning",
  observation = {{"cue", low = -1, high = 1}, {"asked", low = 0, high = 1}},
  action = {"discrete", say = {"minus", "plus"}},
  responses = {right = {unit = "count"}},
  options = {
    delay = {8, "steps", "steps from the cue to the question", low = 1, high = 1000},
  },
  max_steps = 1001,
}

function recall.new(options) return {delay = options.delay, cue = 0, step = 0} end

function recall.reset(self)
  self.cue, self.step = math.random(2) * 2 - 3, 0
  return {self.cue, 0}
end

function recall.step(self, action)
  if self.step == self.delay then
    local said = action.say == 1 and 1 or -1
    return {0, 0}, {right = said == self.cue and 1 or 0}, true
  end
  self.step = self.step + 1
  return {0, self.step == self.delay and 1 or 0}, {right = 0}, false
end

function recall.save(self) return {cue = self.cue, step = self.step} end
function recall.load(data, options) return {delay = options.delay, cue = data.cue, step = data.step} end

return recall
