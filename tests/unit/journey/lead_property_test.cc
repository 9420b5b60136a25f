// The proof of f: however events arrive, the differences that Apply emits add up to what Batch
// finds in the end.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

#include "operators/journey/lead_function.h"
#include "tests/unit/journey/lead_testing.h"

namespace leadflow {
namespace {

using enum Dimension;

struct Flavor {
  const char* name;
  bool reenter = false, scoring = false, event_dimensions = false, now_dimensions = false;
  bool local_credit = false, first_credit = false, mail_distinct = false, booked = false;
  bool cycle = false, durations = false, visits = true, engaged = false, options = false;
  bool short_ttl = false;
  int max_touches = 500;
};

constexpr Flavor kFlavors[] = {
    {.name = "plain", .visits = false},
    {.name = "plain_few_touches", .visits = false, .max_touches = 3},
    {.name = "plain_booked_cycles", .booked = true, .cycle = true, .visits = false},
    {.name = "visits"},
    {.name = "visits_engaged", .engaged = true},
    {.name = "visit_options", .options = true},
    {.name = "few_touches", .max_touches = 2},
    {.name = "scores", .scoring = true},
    {.name = "reenter", .reenter = true, .scoring = true},
    {.name = "owner_at_event", .event_dimensions = true},
    {.name = "persona_now", .now_dimensions = true},
    {.name = "credit", .local_credit = true, .first_credit = true},
    {.name = "first", .first_credit = true, .visits = false},
    {.name = "mail", .mail_distinct = true},
    {.name = "mail_only", .mail_distinct = true, .visits = false},
    {.name = "money", .booked = true, .cycle = true},
    {.name = "durations", .durations = true},
    {.name = "short_ttl", .mail_distinct = true, .durations = true, .short_ttl = true},
    {.name = "everything",
     .reenter = true,
     .scoring = true,
     .event_dimensions = true,
     .now_dimensions = true,
     .local_credit = true,
     .first_credit = true,
     .mail_distinct = true,
     .booked = true,
     .cycle = true,
     .durations = true,
     .engaged = true,
     .short_ttl = true,
     .max_touches = 4},
};

void AddDurations(PipelineMaker& m) {
  const auto duration = [&](const char* name, Subject::Of from, int from_stage, Subject::Of to,
                            int to_stage, int to_goal) {
    Measure measure;
    measure.type = Measure::Type::kMeanTime;
    measure.duration = true;
    measure.from.of = from;
    measure.from.stage = from_stage;
    measure.to.of = to;
    measure.to.stage = to_stage;
    measure.to.goal = to_goal;
    measure.subject = measure.to;
    m.Kpi(name, measure, {kChannel});
  };
  duration("touch_to_order", Subject::Of::kFirstTouch, -1, Subject::Of::kOrder, -1, -1);
  duration("touch_to_goal", Subject::Of::kFirstTouch, -1, Subject::Of::kGoal, -1, 0);
  duration("lead_to_order", Subject::Of::kLeadCreation, -1, Subject::Of::kOrder, -1, -1);
  duration("order_to_won", Subject::Of::kOrder, -1, Subject::Of::kDealWon, -1, -1);
  duration("stage_to_stage", Subject::Of::kStageFirst, 0, Subject::Of::kStageFirst, 3, -1);
  Measure time_in;
  time_in.type = Measure::Type::kMeanTime;
  time_in.duration = time_in.time_in = true;
  time_in.from.of = Subject::Of::kStageFirst;
  time_in.from.stage = 1;
  time_in.subject = time_in.from;
  m.Kpi("time_in", time_in, {kChannel});
}

void AddStages(PipelineMaker& m, const Flavor& flavor) {
  StageSpec visitor, lead, mql, sql, customer;
  visitor.name = "visitor";
  visitor.on = IsKind("page_view");
  lead.name = "lead";
  lead.on_lead_creation = true;
  mql.name = "mql";
  if (flavor.scoring) {
    mql.when = When([](const FieldSource& f) { return f.Field(kSlotScore).integer >= 5; });
    m.p.score_half_life_ms = 5 * kHour;
    ScoringRule pages{1, IsKind("page_view"), 3, kDay}, forms{3, IsKind("form_submit"), 0, 0},
        bad{-2, IsKind("email_unsubscribe"), 0, 0};
    m.p.scoring = {pages, forms, bad};
  } else {
    mql.on = IsKind("webinar_attend");
  }
  mql.reenter = flavor.reenter;
  sql.name = "sql";
  sql.on = IsKind("stage_change");
  sql.reenter = flavor.reenter;
  customer.name = "customer";
  customer.on = IsKind("order");
  m.p.stages = {visitor, lead, mql, sql, customer};
  m.p.attribution.opportunity_stage = 3;
}

Pipeline MakePipeline(const Flavor& flavor) {
  PipelineMaker m;
  using Type = Measure::Type;
  AddStages(m, flavor);
  GoalSpec order, form, sql, won;
  order.name = "order";
  order.lookback_ms = 3 * kHour;
  form.name = "form";
  form.on = GoalSpec::On::kEvent;
  form.when = IsKind("form_submit");
  form.cycle = flavor.cycle;
  sql.name = "sql";
  sql.on = GoalSpec::On::kStage;
  sql.stage = 3;
  won.name = "won";
  won.on = GoalSpec::On::kDealWon;
  GoalSpec cycles = order;
  cycles.name = "cycles";
  cycles.cycle = flavor.cycle;
  cycles.lookback_ms = kDay;
  m.p.goals = {order, form, sql, won, cycles};
  m.p.attribution.max_touches = flavor.max_touches;
  for (const Model model : {Model::kFirstTouch, Model::kLastNonDirect, Model::kLinear,
                            Model::kUShape, Model::kWShape, Model::kTimeDecay}) {
    ModelSpec spec;
    spec.name = std::to_string(static_cast<int>(model));
    spec.model = model;
    spec.half_life_hours = 2;
    m.p.attribution.models.push_back(spec);
  }
  if (!flavor.visits) m.p.attribution.touch_kinds &= ~std::uint64_t{1};
  m.p.visits.new_on_campaign = m.p.visits.new_at_midnight = flavor.options;
  if (flavor.short_ttl) {
    m.p.journey_ttl_ms = 5 * kHour;
    m.p.anonymous_ttl_ms = 2 * kHour;
  }

  for (const Kind kind : {Kind::kEmailClick, Kind::kEmailOpen, Kind::kFormSubmit, Kind::kFairVisit,
                          Kind::kMeeting, Kind::kPageView, Kind::kAction}) {
    if (!flavor.visits && (kind == Kind::kPageView || kind == Kind::kAction)) continue;
    m.Kpi("n_" + std::string(KindName(kind)), m.Of(Type::kCount, Subject::Of::kEvent, kind),
          {kChannel, kCampaign});
  }
  if (flavor.visits) {
    m.Kpi("visits", m.Of(Type::kCount, Subject::Of::kVisit), {kChannel, kCampaign});
    Measure dwell = m.Of(Type::kSum, Subject::Of::kVisit);
    dwell.field = "dwell_time";
    m.Kpi("dwell", dwell, {kChannel});
    Measure pages = dwell;
    pages.field = flavor.engaged ? "engaged_time" : "page_views";
    m.Kpi("pages", pages, {kChannel});
    m.Kpi("visitors", m.Of(Type::kDistinctLeads, Subject::Of::kVisit), {kChannel});
  }
  Measure machine = m.Of(Type::kCount, Subject::Of::kEvent, Kind::kEmailClick);
  machine.machine = true;
  m.Kpi("machine_clicks", machine, {kCampaign});
  m.Kpi("leads", m.Of(Type::kCount, Subject::Of::kLeadCreation), {kChannel, kCampaign});
  for (int s = 0; s < 5; ++s) {
    m.Kpi("first_" + std::to_string(s), m.Of(Type::kCount, Subject::Of::kStageFirst, {}, s),
          {kChannel}, WindowUnit::kHour);
    m.Kpi("entries_" + std::to_string(s), m.Of(Type::kCount, Subject::Of::kStageEntry, {}, s),
          {kChannel}, WindowUnit::kHour);
  }
  m.Kpi("orders", m.Of(Type::kCount, Subject::Of::kOrder), {kChannel});
  Measure revenue = m.Of(Type::kSum, Subject::Of::kOrder);
  revenue.field = "amount";
  m.Kpi("revenue", revenue, {kChannel});
  m.Kpi("repeat", m.Of(Type::kDistinctLeads, Subject::Of::kOrder), {}, WindowUnit::kTotal);
  m.p.kpis.back().measure.at_least = 2;
  m.Kpi("won", m.Of(Type::kCount, Subject::Of::kDealWon), {kChannel});
  m.Kpi("lost", m.Of(Type::kCount, Subject::Of::kDealLost), {kChannel});
  for (int g = 0; g < 5; ++g) {
    m.Kpi("goal_" + std::to_string(g), m.Of(Type::kAttributed, Subject::Of::kGoal, {}, g),
          {kModel, kChannel, kCampaign}, WindowUnit::kHour);
  }
  Measure value = m.Of(Type::kAttributedValue, Subject::Of::kGoal, {}, 0);
  value.field = "amount";
  m.Kpi("value", value, {kModel, kChannel}, WindowUnit::kMonth);
  if (flavor.booked) {
    value.ledger = revenue.ledger = Ledger::kBooked;
    m.Kpi("booked_value", value, {kModel, kChannel}, WindowUnit::kHour);
    m.Kpi("booked_revenue", revenue, {kChannel}, WindowUnit::kHour);
  }
  if (flavor.local_credit) {
    Measure credited = m.Of(Type::kCount, Subject::Of::kEvent, Kind::kMeeting);
    credited.credit = Credit::kLastNonDirect;
    m.Kpi("credited", credited, {kChannel, kCampaign});
  }
  if (flavor.first_credit) {
    Measure credited = m.Of(Type::kCount, Subject::Of::kOrder);
    credited.credit = Credit::kFirst;
    m.Kpi("first_credit", credited, {kChannel, kCampaign});
  }
  if (flavor.mail_distinct) {
    for (const Kind kind : {Kind::kEmailSent, Kind::kEmailDelivered, Kind::kEmailOpen,
                            Kind::kEmailClick, Kind::kEmailBounce, Kind::kLetterSent}) {
      m.Kpi("d_" + std::string(KindName(kind)),
            m.Of(Type::kDistinctLeads, Subject::Of::kEvent, kind), {kCampaign}, WindowUnit::kHour);
    }
  }
  if (flavor.durations) AddDurations(m);
  if (flavor.event_dimensions || flavor.now_dimensions) {
    m.p.owner_now = m.p.country_now = m.p.account_now = m.p.persona_now = !flavor.event_dimensions;
    if (flavor.event_dimensions && flavor.now_dimensions) m.p.country_now = true;
    m.p.names.Intern("profile.job");
    m.p.personas.push_back(
        {"boss", When([](const FieldSource& f) { return TextOf(f, kSlotNamed) == "ceo"; })});
    m.p.personas.push_back({"rest", When([](const FieldSource&) { return true; })});
    for (const Subject::Of of : {Subject::Of::kLeadCreation, Subject::Of::kOrder}) {
      m.Kpi("who_" + std::to_string(static_cast<int>(of)), m.Of(Type::kCount, of),
            {kOwner, kCountry, kAccount, kPersona});
    }
    m.Kpi("who_visits", m.Of(Type::kCount, Subject::Of::kEvent, Kind::kPageView),
          {kOwner, kCountry, kAccount, kPersona});
  }
  return std::move(m.p);
}

struct Change {
  enum class What { kEntry, kRecord, kTakeBack } what = What::kEntry;
  Entry entry;
  Record record;
};

class RandomLife {
 public:
  RandomLife(unsigned seed, EventMaker* maker) : random_(seed), maker_(*maker) {}

  int Below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  std::string Pick(std::initializer_list<const char*> list) {
    return *(list.begin() + Below(static_cast<int>(list.size())));
  }

  std::int64_t Time(std::int64_t span) {
    // Many collisions, at the edges of rules.
    const std::int64_t step = Chance(50) ? 5 * kMinute : Chance(50) ? 3'000 : 30 * kMinute;
    return kDay +
           static_cast<std::int64_t>(random_() % static_cast<unsigned>(span / step + 1)) * step;
  }

  Change Event(std::int64_t span, bool web) {
    static constexpr Kind kWeb[] = {Kind::kPageView,       Kind::kPageView, Kind::kPageView,
                                    Kind::kAction,         Kind::kPagePing, Kind::kFormSubmit,
                                    Kind::kContentDownload};
    static constexpr Kind kRest[] = {
        Kind::kEmailSent,     Kind::kEmailDelivered,   Kind::kEmailOpen,  Kind::kEmailClick,
        Kind::kEmailClick,    Kind::kFairVisit,        Kind::kMeeting,    Kind::kSocialClick,
        Kind::kFormSubmit,    Kind::kStageChange,      Kind::kDealChange, Kind::kOrder,
        Kind::kProfile,       Kind::kEmailBounce,      Kind::kLetterSent, Kind::kLetterReply,
        Kind::kWebinarAttend, Kind::kEmailUnsubscribe, Kind::kAdClick};
    const Kind kind =
        web && Chance(60) ? kWeb[Below(std::size(kWeb))] : kRest[Below(std::size(kRest))];
    EventMaker::Options o;
    o.id = std::to_string(Below(1000));
    o.known = Chance(60);
    if (web) {
      if (Chance(40)) o.session = Pick({"s1", "s2"});
      if (Chance(70) || !o.known) o.device = Pick({"d1", "d2"});
    } else if (!o.known) {
      o.device = "d1";
      if (kind == Kind::kFormSubmit || kind == Kind::kOrder) o.known = true, o.device.clear();
    }
    if (Chance(40)) o.campaign = Pick({"c1", "c2"});
    if (Chance(30)) o.medium = Pick({"cpc", "social"});
    if (Chance(30)) o.message = Pick({"m1", "m2"});
    if (Chance(20)) o.variant = Pick({"v1", "v2"});
    if (Chance(15)) o.country = Pick({"de", "fr"});
    if (Chance(15)) o.owner = Pick({"eve", "bob"});
    if (Chance(10)) o.company = Pick({"Acme", "Best"});
    if (kind == Kind::kProfile) o.job = Pick({"ceo", "clerk"});
    o.machine = Chance(7);
    o.hard = Chance(50);
    o.source = static_cast<std::uint8_t>(Below(2));
    Change change;
    change.entry = maker_.Make(kind, Time(span), o);
    return change;
  }

  Change Version(const Entry& entry) {
    EventMaker::Options o;
    o.id = entry.id.ToString();
    o.source = entry.source;
    o.known = Chance(80);
    o.device = "d1";
    o.campaign = Pick({"c1", "c2"});
    o.updated = Below(3);
    Change change;
    change.entry = maker_.Make(entry.kind, entry.time_ms, o);
    change.entry.key = entry.key;
    return change;
  }

  Change ARecord(std::int64_t span) {
    Change change;
    change.what = Change::What::kRecord;
    Record& record = change.record;
    const bool deal = Chance(25);
    record.kind = deal ? Kind::kDealChange : Kind::kOrder;
    record.id = (deal ? "deal/" : "order/") + std::to_string(Below(4));
    record.time_ms = Time(span);
    record.event_id = std::to_string(Below(1000));
    record.source = static_cast<std::uint8_t>(Below(2));
    record.gross_minor = record.net_minor = 100 * (Below(50) - 5);
    record.currency = "EUR";
    FieldsWriter writer(&record.fields);
    if (Chance(30)) writer.Text(Field::kUtmMedium, Pick({"cpc", "social"}));
    if (Chance(30)) writer.Text(Field::kCampaign, Pick({"c1", "c2"}));
    if (deal) writer.Text(Field::kStatus, Pick({"won", "lost", "open"}));
    record.home = EventMaker::Named(IdentifierType::kEmail, "ann");
    if (!deal && Chance(40)) {
      for (int n = Below(3); n >= 0; --n) {
        Record::Refund refund;
        refund.time_ms = Time(span);
        refund.minor = record.net_minor / 2;
        refund.removes = n == 0 && Chance(50);
        if (refund.removes) refund.minor = record.net_minor;
        record.net_minor -= refund.minor;
        if (refund.removes) record.counts = false;
        record.refunds.push_back(refund);
      }
      std::stable_sort(record.refunds.begin(), record.refunds.end(),
                       [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
    }
    return change;
  }

  std::vector<Change> Life(int events, std::int64_t span, bool web) {
    std::vector<Change> life;
    for (int i = 0; i < events; ++i) {
      const int what = Below(100);
      if (what < 75 || life.empty()) {
        life.push_back(Event(span, web));
      } else if (what < 79) {
        const Change& other = life[static_cast<std::size_t>(Below(static_cast<int>(life.size())))];
        life.push_back(other.what == Change::What::kEntry ? Version(other.entry)
                                                          : Event(span, web));
      } else if (what < 97) {
        life.push_back(ARecord(span));
        // Often the event of the order is in the journey too.
        if (Chance(60) && life.back().record.kind == Kind::kOrder) {
          EventMaker::Options o;
          o.id = life.back().record.event_id;
          o.source = life.back().record.source;
          if (web && Chance(50)) o.device = "d1";
          Change change;
          change.entry = maker_.Make(Kind::kOrder, life.back().record.time_ms, o);
          if (Chance(50)) {
            life.push_back(change);
          } else {
            life.insert(life.end() - 1, change);
          }
        }
      } else {
        Change change = ARecord(span);
        change.what = Change::What::kTakeBack;
        life.push_back(change);
      }
    }
    return life;
  }

  // Mostly in order of time.
  void AlmostSort(std::vector<Change>* life) {
    const auto time = [](const Change& change) {
      return change.what == Change::What::kEntry ? change.entry.time_ms : change.record.time_ms;
    };
    std::stable_sort(life->begin(), life->end(),
                     [&](const Change& a, const Change& b) { return time(a) < time(b); });
    for (std::size_t i = 0; i < life->size(); ++i) {
      if (!Chance(10)) continue;
      std::swap((*life)[i],
                (*life)[static_cast<std::size_t>(Below(static_cast<int>(life->size())))]);
    }
  }
  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
  EventMaker& maker_;
};

std::string Describe(const Change& change) {
  std::ostringstream out;
  if (change.what == Change::What::kEntry) {
    out << KindName(change.entry.kind) << " t=" << (change.entry.time_ms - kDay) / 1000
        << "s id=" << change.entry.id.ToString() << " src=" << int(change.entry.source)
        << " flags=" << int(change.entry.flags) << " links=" << int(change.entry.links)
        << " home=" << int(change.entry.home.bytes[0]);
    change.entry.Fields().ForEach(
        [&](int tag, std::string_view, std::string_view text, std::int64_t number) {
          out << " " << (tag < kFieldCount ? FieldName(static_cast<Field>(tag)) : "x") << "="
              << text << number;
        });
  } else {
    out << (change.what == Change::What::kRecord ? "put " : "take ") << change.record.id
        << " t=" << (change.record.time_ms - kDay) / 1000 << "s id=" << change.record.event_id
        << " src=" << int(change.record.source) << " counts=" << change.record.counts
        << " net=" << change.record.net_minor << " refunds=" << change.record.refunds.size();
  }
  return out.str();
}

std::string Difference(const std::map<std::string, std::int64_t>& a,
                       const std::map<std::string, std::int64_t>& b) {
  std::ostringstream out;
  for (const auto& [name, sum] : a) {
    const auto other = b.find(name);
    if (other == b.end() || other->second != sum) {
      out << "  " << name << ": apply " << sum << ", batch "
          << (other == b.end() ? 0 : other->second) << "\n";
    }
  }
  for (const auto& [name, sum] : b) {
    if (!a.contains(name)) out << "  " << name << ": apply 0, batch " << sum << "\n";
  }
  return out.str();
}

// LEADFLOW_SEEDS multiplies the number of lives.
unsigned Seeds(unsigned base) {
  const char* const times = std::getenv("LEADFLOW_SEEDS");
  return times == nullptr ? base : base * static_cast<unsigned>(std::max(1, std::atoi(times)));
}

class LeadPropertyTest : public testing::TestWithParam<Flavor> {};

// Applies a life, settles after one change in `settle_one_in`, and compares; empty: all is well.
std::string Live(LeadFunction& f, const Pipeline& pipeline, const std::vector<Change>& life,
                 bool check_each, bool reload, unsigned settle_one_in, std::mt19937& random) {
  Journey journey = NewJourney();
  Cells cells(pipeline);
  std::map<std::int64_t, std::string> chunks;
  std::string done;
  for (const Change& change : life) {
    done += Describe(change) + "\n";
    Status status;
    if (change.what == Change::What::kEntry) {
      auto applied = f.ApplyEntry(journey, change.entry, cells);
      status = applied.status();
    } else if (change.what == Change::What::kRecord) {
      status = f.ApplyRecord(journey, change.record, cells);
    } else {
      status = f.TakeBackRecord(journey, change.record.id, cells);
    }
    if (!status.ok()) return done + status.ToString();
    const bool settled = random() % settle_one_in == 0;
    if (settled) status = f.Settle(journey, cells);
    if (!status.ok()) return done + status.ToString();
    if (settled && reload && random() % 4 == 0) {
      journey.VisitDirtyChunks([&](std::int64_t key, std::optional<std::string_view> bytes) {
        if (bytes.has_value()) {
          chunks[key] = std::string(*bytes);
        } else {
          chunks.erase(key);
        }
      });
      std::string head;
      journey.AppendHead(&head);
      auto again =
          Journey::Decode(head, [&](std::int64_t key) -> Result<std::optional<std::string>> {
            const auto found = chunks.find(key);
            return found == chunks.end() ? std::optional<std::string>() : found->second;
          });
      if (!again.ok()) return done + again.status().ToString();
      journey = *std::move(again);
    }
    if (!check_each || !settled) continue;
    const auto sums = cells.sums(), batch = BatchOf(f, pipeline, journey);
    if (sums != batch) return done + Difference(sums, batch);
  }
  if (const Status status = f.Settle(journey, cells); !status.ok()) return status.ToString();
  const auto sums = cells.sums(), batch = BatchOf(f, pipeline, journey);
  if (sums != batch) return done + Difference(sums, batch);
  return {};
}

TEST_P(LeadPropertyTest, DifferencesAddUpToTheBatch) {
  const Pipeline pipeline = MakePipeline(GetParam());
  LeadFunction f(pipeline);
  const bool web = GetParam().visits;
  const unsigned seeds = Seeds(300);
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    EventMaker maker;
    RandomLife random(seed, &maker);
    const int events = 1 + random.Below(seed % 10 == 0 ? 40 : 12);
    std::vector<Change> life = random.Life(events, random.Chance(70) ? 4 * kHour : 40 * kHour, web);
    if (random.Chance(50)) random.AlmostSort(&life);
    const std::string wrong =
        Live(f, pipeline, life, true, seed % 2 == 0, 1 + seed % 4, random.random());
    ASSERT_TRUE(wrong.empty()) << GetParam().name << ", seed " << seed << "\n" << wrong;
  }
}

TEST_P(LeadPropertyTest, LongLivesAddUpToo) {
  const Pipeline pipeline = MakePipeline(GetParam());
  LeadFunction f(pipeline);
  for (unsigned seed = 1; seed <= 3; ++seed) {
    EventMaker maker;
    RandomLife random(seed, &maker);
    std::vector<Change> life = random.Life(400, 60 * kDay, GetParam().visits);
    random.AlmostSort(&life);
    const std::string wrong =
        Live(f, pipeline, life, false, false, 1 + 20 * (seed % 2), random.random());
    ASSERT_TRUE(wrong.empty()) << GetParam().name << ", seed " << seed << "\n"
                               << wrong.substr(wrong.size() > 3000 ? wrong.size() - 3000 : 0);
  }
}

TEST_P(LeadPropertyTest, OrderOfArrivalDoesNotMatter) {
  const Pipeline pipeline = MakePipeline(GetParam());
  LeadFunction f(pipeline);
  for (unsigned seed = 1; seed <= 100; ++seed) {
    EventMaker maker;
    RandomLife random(seed, &maker);
    std::vector<Change> life;
    for (int i = 0; i < 10; ++i) life.push_back(random.Event(6 * kHour, GetParam().visits));
    for (int i = 0; i < 2; ++i) {
      life.push_back(random.ARecord(6 * kHour));
      life.back().record.id += "/" + std::to_string(i);  // one version each
    }
    std::map<std::string, std::int64_t> expected;
    for (int order = 0; order < 6; ++order) {
      Journey journey = NewJourney();
      Cells cells(pipeline);
      for (const Change& change : life) {
        if (change.what == Change::What::kEntry) {
          ASSERT_TRUE(f.ApplyEntry(journey, change.entry, cells).ok());
        } else {
          ASSERT_TRUE(f.ApplyRecord(journey, change.record, cells).ok());
        }
      }
      ASSERT_TRUE(f.Settle(journey, cells).ok());
      if (order == 0) expected = cells.sums();
      ASSERT_EQ(cells.sums(), expected) << GetParam().name << ", seed " << seed;
      std::shuffle(life.begin(), life.end(), random.random());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Flavors, LeadPropertyTest, testing::ValuesIn(kFlavors),
                         [](const auto& flavor) { return std::string(flavor.param.name); });

}  // namespace
}  // namespace leadflow
