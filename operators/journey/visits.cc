#include "operators/journey/visits.h"

#include <algorithm>
#include <unordered_map>

#include "engine/base/hash.h"

namespace leadflow {
namespace {

constexpr std::int64_t kLongestSessionMs = 24 * 3'600'000;
constexpr std::int64_t kJoinsMs = 30 * 60'000;  // before a visit, SEMANTICS 8
constexpr std::int64_t kMachineMs = 10'000;     // after a delivery, SEMANTICS 1
constexpr std::int64_t kPingSlotMs = 10'000;

bool SameMessage(const Item& a, const Item& b) {
  if (!a.message.empty() && !b.message.empty()) return a.message == b.message;
  return a.own.campaign == b.own.campaign && a.variant == b.variant;
}

// An open or click less than 10 s after a delivery of the same message.
void MarkMachines(std::vector<Item>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = items[i];
    item.machine = item.entry.machine();
    if (item.entry.kind != Kind::kEmailOpen && item.entry.kind != Kind::kEmailClick) continue;
    const auto delivers = [&](const Item& other) {
      return other.entry.kind == Kind::kEmailDelivered && SameMessage(item, other);
    };
    for (std::size_t k = i; k-- > 0 && item.entry.time_ms - items[k].entry.time_ms < kMachineMs;) {
      if (delivers(items[k])) item.machine = true;
    }
    for (std::size_t k = i + 1; k < items.size() && items[k].entry.time_ms == item.entry.time_ms;
         ++k) {
      if (delivers(items[k])) item.machine = true;
    }
  }
}

// Cuts one stretch; devices and sessions are numbered as they come.
class VisitCutter {
 public:
  VisitCutter(const DerivationRules& rules, Stretch* stretch) : rules_(rules), stretch_(*stretch) {}

  void Run() {
    CutSessions();
    if (any_sessionless_) CutRuns();
    Describe();
    if (rules_.engaged) AddEngagement();
  }

 private:
  struct Span {
    std::int64_t first_ms, last_ms;  // of the events with session id
    int visit;
  };
  struct Device {
    Identifier id;
    std::vector<Span> sessions;  // in order of first_ms
    int run = -1;
    std::int64_t run_last_ms = 0;
  };
  struct Open {
    std::size_t device, span;
  };

  bool Visits(const Item& item) const { return item.web && !item.machine; }

  std::size_t DeviceIndex(const Identifier& id) {
    if (last_device_ < devices_.size() && devices_[last_device_].id == id) return last_device_;
    const auto [at, added] = device_index_.emplace(id.hash(), devices_.size());
    if (added) {
      devices_.emplace_back();
      devices_.back().id = id;
    }
    return last_device_ = at->second;
  }

  // Options that begin a new visit in the middle of a run.
  bool Breaks(int visit, const Item& item) const {
    const VisitOptions& options = rules_.pipeline.visits;
    const std::size_t v = static_cast<std::size_t>(visit);
    if (options.new_on_campaign && !item.own.campaign.empty() &&
        item.own.campaign != campaign_[v]) {
      return true;
    }
    return options.new_at_midnight && rules_.pipeline.zone.LocalDay(item.entry.time_ms) != day_[v];
  }

  int Begin(const Item& item) {
    stretch_.visits.emplace_back();
    campaign_.push_back(item.own.campaign);
    day_.push_back(rules_.pipeline.visits.new_at_midnight
                       ? rules_.pipeline.zone.LocalDay(item.entry.time_ms)
                       : 0);
    return static_cast<int>(stretch_.visits.size()) - 1;
  }

  void CutSessions() {
    std::unordered_map<std::uint64_t, Open> open;
    for (Item& item : stretch_.items) {
      if (!Visits(item)) continue;
      if (item.session.empty()) {
        any_sessionless_ = true;
        continue;
      }
      const std::size_t d = DeviceIndex(DeviceOf(item.entry));
      const std::uint64_t name = Hash64(item.session) * 0x9e3779b97f4a7c15u + d;
      const std::int64_t time = item.entry.time_ms;
      const auto found = open.find(name);
      if (found != open.end()) {
        Span& span = devices_[d].sessions[found->second.span];
        if (time - span.first_ms <= kLongestSessionMs && !Breaks(span.visit, item)) {
          span.last_ms = time;
          item.visit = span.visit;
          continue;
        }
      }
      item.visit = Begin(item);
      open[name] = {d, devices_[d].sessions.size()};
      devices_[d].sessions.push_back({time, time, item.visit});
    }
  }

  // The visit with session id that an event without one lies at; -1: none.
  int Neighbour(const Device& device, std::int64_t time) const {
    const std::int64_t gap = rules_.pipeline.visits.gap_ms;
    auto at = std::lower_bound(
        device.sessions.begin(), device.sessions.end(), time - gap - kLongestSessionMs,
        [](const Span& span, std::int64_t earliest) { return span.first_ms < earliest; });
    for (; at != device.sessions.end() && at->first_ms <= time + gap; ++at) {
      if (at->last_ms >= time - gap) return at->visit;
    }
    return -1;
  }

  void CutRuns() {
    for (Item& item : stretch_.items) {
      if (!Visits(item) || !item.session.empty()) continue;
      Device& device = devices_[DeviceIndex(DeviceOf(item.entry))];
      const std::int64_t time = item.entry.time_ms;
      item.visit = Neighbour(device, time);
      if (item.visit >= 0) continue;
      if (device.run < 0 || time - device.run_last_ms > rules_.pipeline.visits.gap_ms ||
          Breaks(device.run, item)) {
        device.run = Begin(item);
      }
      device.run_last_ms = time;
      item.visit = device.run;
    }
  }

  void Describe() {
    for (std::size_t i = 0; i < stretch_.items.size(); ++i) {
      const Item& item = stretch_.items[i];
      if (item.visit < 0) continue;
      Visit& visit = stretch_.visits[static_cast<std::size_t>(item.visit)];
      const int index = static_cast<int>(i);
      if (visit.first < 0) visit.first = index;
      visit.last = index;
      if (visit.deciding < 0 && item.has_origin) visit.deciding = index;
      ++(item.entry.kind == Kind::kPageView ? visit.page_views : visit.others);
    }
    for (Visit& visit : stretch_.visits) {
      if (visit.deciding < 0) visit.deciding = visit.first;
    }
  }

  // A ping belongs to the newest page view of its device.
  void AddEngagement() {
    struct Page {
      int visit = -1;
      std::int64_t slot = 0;
    };
    std::vector<Page> pages(devices_.size());
    for (const Item& item : stretch_.items) {
      if (item.machine) continue;
      const std::int64_t slot = item.entry.time_ms / kPingSlotMs;
      if (item.entry.kind == Kind::kPageView) {
        pages[DeviceIndex(DeviceOf(item.entry))] = {item.visit, kNoTime};
      } else if (item.entry.kind == Kind::kPagePing) {
        const auto found = device_index_.find(DeviceOf(item.entry).hash());
        if (found == device_index_.end() || pages[found->second].visit < 0) continue;
        Page& page = pages[found->second];
        if (page.slot == slot) continue;
        stretch_.visits[static_cast<std::size_t>(page.visit)].engaged_ms +=
            page.slot == kNoTime ? 5'000 : kPingSlotMs;
        page.slot = slot;
      }
    }
  }

  const DerivationRules& rules_;
  Stretch& stretch_;
  std::vector<Device> devices_;
  std::unordered_map<std::uint64_t, std::size_t> device_index_;
  std::size_t last_device_ = 0;
  std::vector<std::string_view> campaign_;  // per visit, for the options
  std::vector<std::int64_t> day_;
  bool any_sessionless_ = false;
};

// Finds the visit that clicks and forms belong to.
class Absorber {
 public:
  explicit Absorber(Stretch* stretch) : stretch_(*stretch) {
    for (std::size_t v = 0; v < stretch_.visits.size(); ++v) {
      order_.push_back(static_cast<int>(v));
      longest_ = std::max(longest_, Last(static_cast<int>(v)) - First(static_cast<int>(v)));
    }
    std::sort(order_.begin(), order_.end(), [&](int a, int b) {
      return stretch_.visits[static_cast<std::size_t>(a)].first <
             stretch_.visits[static_cast<std::size_t>(b)].first;
    });
  }

  void Run() {
    for (Item& item : stretch_.items) {
      if ((KindBit(item.entry.kind) & kAbsorbedKinds) == 0 || item.machine) continue;
      item.absorbed = Find(item);
    }
  }

 private:
  std::int64_t Time(int item) const {
    return stretch_.items[static_cast<std::size_t>(item)].entry.time_ms;
  }
  std::int64_t First(int v) const {
    return Time(stretch_.visits[static_cast<std::size_t>(v)].first);
  }
  std::int64_t Last(int v) const { return Time(stretch_.visits[static_cast<std::size_t>(v)].last); }

  bool Fits(const Item& item, int v) const {
    if (item.own.campaign.empty()) return true;
    return item.own.campaign ==
           VisitDimensions(stretch_, stretch_.visits[static_cast<std::size_t>(v)]).campaign;
  }

  int Find(const Item& item) const {
    if (item.visit >= 0 && Fits(item, item.visit)) return item.visit;
    const std::int64_t time = item.entry.time_ms;
    auto at = std::lower_bound(order_.begin(), order_.end(), time - longest_,
                               [&](int v, std::int64_t earliest) { return First(v) < earliest; });
    int later = -1;
    for (; at != order_.end() && First(*at) <= time + kJoinsMs; ++at) {
      if (Last(*at) < time || !Fits(item, *at)) continue;
      if (First(*at) <= time) return *at;
      if (later < 0) later = *at;
    }
    return later;
  }

  Stretch& stretch_;
  std::vector<int> order_;  // by first event
  std::int64_t longest_ = 0;
};

void ListTouches(const DerivationRules& rules, Stretch* stretch) {
  std::vector<int> starts;  // visits by first event
  if (rules.visit_touch) {
    for (std::size_t v = 0; v < stretch->visits.size(); ++v) starts.push_back(static_cast<int>(v));
    std::sort(starts.begin(), starts.end(), [&](int a, int b) {
      return stretch->visits[static_cast<std::size_t>(a)].first <
             stretch->visits[static_cast<std::size_t>(b)].first;
    });
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < stretch->items.size(); ++i) {
    const Item& item = stretch->items[i];
    if (next < starts.size()) {
      const Visit& visit = stretch->visits[static_cast<std::size_t>(starts[next])];
      if (visit.first == static_cast<int>(i)) {
        stretch->touches.push_back(
            {VisitDimensions(*stretch, visit), item.entry.time_ms, item.entry.key, true});
        ++next;
      }
    }
    if ((KindBit(item.entry.kind) & rules.touch_kinds) == 0 || item.machine) continue;
    if (rules.visit_touch && item.absorbed >= 0) continue;
    stretch->touches.push_back({item.own, item.entry.time_ms, item.entry.key, false});
  }
}

}  // namespace

const TouchDimensions& VisitDimensions(const Stretch& stretch, const Visit& visit) {
  return stretch.items[static_cast<std::size_t>(visit.deciding)].own;
}

TouchDimensions EventDimensions(const Stretch& stretch, const Item& item) {
  const int v = item.visit >= 0 ? item.visit : item.absorbed;
  if (v < 0 || item.has_origin) return item.own;
  TouchDimensions dimensions =
      VisitDimensions(stretch, stretch.visits[static_cast<std::size_t>(v)]);
  dimensions.fair = item.own.fair;
  return dimensions;
}

void CutStretch(const DerivationRules& rules, Stretch* stretch) {
  stretch->visits.clear();
  stretch->touches.clear();
  MarkMachines(stretch->items);
  if (rules.visits) {
    bool web = false;
    for (Item& item : stretch->items) {
      item.visit = item.absorbed = -1;
      web |= item.web && !item.machine;
    }
    if (web) {
      VisitCutter(rules, stretch).Run();
      Absorber(stretch).Run();
    }
  }
  ListTouches(rules, stretch);
}

}  // namespace leadflow
