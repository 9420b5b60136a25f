#include "tests/simulation/b2b_events.h"

#include <random>

namespace leadflow::simulation {
namespace {

constexpr std::int64_t kStart = 1'735'689'600'000;  // 2025-01-01
constexpr std::int64_t kDay = 86'400'000;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  B2bEvents Make() {
    const std::uint64_t people = 2 + Below(8);
    const std::uint64_t count = 20 + Below(Below(3) == 0 ? 400 : 100);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t person = Below(people);
      if (Below(3) > 0) {
        Send(Web(person), &events_.web);
      } else {
        Send(Crm(person), &events_.crm);
      }
    }
    return std::move(events_);
  }

 private:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }

  // An event in a list, now and then at an earlier place, twice or broken.
  void Send(const std::string& fields, std::vector<std::string>* list) {
    ++number_;
    std::string line = "{\"id\":\"e" + std::to_string(number_) +
                       "\",\"time\":" + std::to_string(Time()) + "," + fields + "}";
    if (Below(30) == 0) line.resize(line.size() / 2);
    if (Below(12) == 0) list->push_back(line);
    const std::size_t back = Below(6) == 0 ? Below(list->size() + 1) : 0;
    list->insert(list->end() - static_cast<std::ptrdiff_t>(back), std::move(line));
  }

  std::int64_t Time() {
    return kStart + static_cast<std::int64_t>(number_) * kDay / 2 +
           static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(kDay)));
  }

  static std::string Text(const char* name, const std::string& value) {
    return "\"" + std::string(name) + "\":\"" + value + "\"";
  }
  std::string Kind(const char* kind) { return Text("kind", kind); }
  // Two devices each; the second is sometimes another person's too.
  std::string Cookie(std::uint64_t person) {
    std::uint64_t number = person * 2 + Below(2);
    if (Below(12) == 0) ++number;
    return "," + Text("anonymous_id", "c" + std::to_string(number));
  }
  static std::string Email(std::uint64_t person) {
    return "," + Text("email", "p" + std::to_string(person) + "@works.example");
  }
  static std::string Contact(std::uint64_t person) {
    return "," + Text("crm_contact_id", "k" + std::to_string(person));
  }
  std::string Utm() {
    static constexpr const char* kWays[] = {
        R"(,"utm":{"source":"google","medium":"cpc","campaign":"search"})",
        R"(,"utm":{"source":"linkedin","medium":"social","campaign":"spring"})",
        R"(,"utm":{"source":"letter","medium":"email","campaign":"march"})",
        R"(,"referrer":"https://www.bing.com/")", ""};
    return kWays[Below(5)];
  }
  std::string Amount() {
    return ",\"amount\":{\"minor\":" + std::to_string(100 + Below(100'000)) +
           ",\"currency\":\"EUR\"}";
  }

  // In what order the parts of an expression roll the dice is the compiler's choice: all are rolled
  // before.
  std::string Web(std::uint64_t person) {
    const std::string cookie = Cookie(person);
    const std::string utm = Utm();
    const std::string page = std::to_string(Below(4));
    switch (Below(9)) {
      case 0: return Kind("form_submit") + cookie + Email(person) + "," + Text("form", "contact");
      case 1: return Kind("email_sent") + Email(person) + "," + Text("campaign", "march");
      case 2: return Kind("email_open") + Email(person) + "," + Text("campaign", "march");
      case 3: return Kind("email_click") + Email(person) + cookie + "," + Text("campaign", "march");
      case 4: return Kind("identify") + cookie + Email(person);
      default:
        return Kind("page_view") + cookie + utm + R"(,"page":{"url":"https://works.example/p)" +
               page + "\"}";
    }
  }

  std::string Crm(std::uint64_t person) {
    const std::string order =
        "," + Text("order_id", "o" + std::to_string(person) + std::to_string(Below(2)));
    const std::string amount = Amount();
    const bool coin = Below(2) == 0;
    const std::string deal = "," + Text("deal_id", "d" + std::to_string(person));
    if (Below(12) == 0) return Hermit(amount);
    switch (Below(11)) {
      case 0: return Kind("contact_created") + Contact(person) + Email(person);
      case 1: return Kind("identify") + Contact(person) + Email(person);
      case 2: return Kind("stage_change") + Contact(person) + "," + Text("stage", "SQL");
      case 3:
        return Kind("deal_change") + Contact(person) + deal + amount + "," + Text("status", "open");
      case 4:
        return Kind("deal_change") + deal + amount + "," + Text("status", coin ? "won" : "lost");
      case 5:
        return Kind("refund") + order + "," + Text("refund_id", "r" + std::to_string(number_)) +
               R"(,"amount":{"minor":50,"currency":"EUR"})";
      case 6: return Kind("order_cancel") + order;
      case 7:
        return Kind("cost") + "," + Text("campaign", "search") + "," +
               Text("channel", "Paid search") + amount;
      case 8: return Kind("unlink") + Contact(person) + Email(person);
      case 9:
        return Kind("card_collected") + Email(person) + "," + Text("fair", "Sensor") +
               ",\"rating\":3";
      default: return Kind("order") + (coin ? Email(person) : Contact(person)) + order + amount;
    }
  }

  // Somebody who shares nothing with anybody, and wants to be forgotten. What an erasure took from
  // a lead that turns out to be two later on is gone, so for all others it depends on the order.
  std::string Hermit(const std::string& amount) {
    const std::string who = "," + Text("email", "hermit@works.example");
    switch (Below(5)) {
      case 0: return Kind("erase") + who;
      case 1: return Kind("card_collected") + who + "," + Text("fair", "Sensor");
      case 2:
        return Kind("order") + who + "," + Text("order_id", "h" + std::to_string(number_)) + amount;
      default: return Kind("form_submit") + who + "," + Text("form", "contact");
    }
  }

  std::mt19937_64 random_;
  std::uint64_t number_ = 0;
  B2bEvents events_;
};

}  // namespace

B2bEvents MakeB2bEvents(std::uint64_t seed) { return Maker(seed).Make(); }

}  // namespace leadflow::simulation
