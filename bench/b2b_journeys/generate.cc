// Writes the input of the b2b-journeys job: EVENTS events of LEADS leads over two years, as JSON lines.
// The same arguments give the same bytes on every machine.
//
//   bench_generate --events 3000000 --leads 200000 --dist uniform|zipf --seed 1 > events.jsonl
//
// 80 % web visits, 9 % mail opens, 4 % clicks, 3 % forms, 2 % fair contacts, 2 % orders; 2 % of the
// events come up to three days late, 0.5 % come twice.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kStart = 1'704'067'200'000;  // 2024-01-01
constexpr std::int64_t kSpan = 731 * kDay;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint64_t Next() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  std::uint64_t Below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }

 private:
  std::uint64_t state_;
};

struct Origin {
  const char* source;
  const char* medium;
  bool campaign;
  int per_mille;
};
constexpr Origin kOrigins[] = {
    {"", "", false, 260},           {"google", "organic", false, 190}, {"bing", "organic", false, 40},
    {"google", "cpc", true, 140},   {"bing", "cpc", true, 40},         {"linkedin", "cpc", true, 60},
    {"xing", "cpc", true, 20},      {"exchange", "cpc", true, 30},     {"linkedin", "social", true, 50},
    {"letter", "email", true, 60},  {"trade-press", "referral", false, 40},
    {"banner", "display", true, 30}, {"reviews", "affiliate", true, 20},
    {"live", "webinar", true, 15},  {"poster", "qr", true, 5},
};

std::string Timestamp(std::int64_t ms) {
  std::int64_t z = ms / kDay + 719468;
  const std::int64_t era = z / 146097, doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const auto month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  const auto rest = static_cast<int>(ms % kDay);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                static_cast<int>(yoe + era * 400 + (month <= 2)), month,
                static_cast<int>(doy - (153 * mp + 2) / 5 + 1), rest / 3'600'000,
                rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
  return text;
}

struct Delayed {
  std::int64_t due;
  std::uint64_t number;
  std::string line;
  bool operator<(const Delayed& other) const {
    return due != other.due ? due > other.due : number > other.number;
  }
};

std::string Utm(const char* source, const char* medium, int campaign) {
  std::string out = std::string(R"({"source":")") + source + R"(","medium":")" + medium + '"';
  if (campaign >= 0) out += R"(,"campaign":"spring-)" + std::to_string(campaign) + '"';
  return out + '}';
}

std::string VisitUtm(Random& random) {
  auto pick = static_cast<int>(random.Below(1000));
  const Origin* origin = kOrigins;
  while (pick >= origin->per_mille) pick -= (origin++)->per_mille;
  if (origin->source[0] == '\0') return "{}";
  return Utm(origin->source, origin->medium,
             origin->campaign ? static_cast<int>(random.Below(16)) : -1);
}

class LeadPicker {
 public:
  LeadPicker(std::uint64_t leads, bool zipf) : leads_(leads) {
    if (!zipf) return;
    double sum = 0;
    for (std::uint64_t rank = 1; rank <= leads; ++rank) {
      sum += 1e12 / static_cast<double>(rank);
      cumulative_.push_back(static_cast<std::uint64_t>(sum));
    }
  }
  std::uint64_t Pick(Random& random) const {
    if (cumulative_.empty()) return random.Below(leads_);
    const std::uint64_t x = random.Below(cumulative_.back());
    const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), x);
    return static_cast<std::uint64_t>(at - cumulative_.begin()) * 7919 % leads_;
  }

 private:
  std::uint64_t leads_;
  std::vector<std::uint64_t> cumulative_;
};

std::string MakeEvent(std::int64_t time, std::uint64_t lead, std::uint64_t order, Random& random) {
  static constexpr const char* kKinds[] = {"web_visit",   "email_open",   "email_click",
                                           "form_submit", "fair_contact", "order"};
  static constexpr const char* kCountries[] = {"DE", "AT", "CH", "FR", "NL", "PL", "IT", "SE"};
  const std::uint64_t dice = random.Below(100);
  const int kind = dice < 80 ? 0 : dice < 89 ? 1 : dice < 93 ? 2 : dice < 96 ? 3 : dice < 98 ? 4 : 5;
  std::string utm = "{}";
  if (kind == 0 || kind == 3) utm = VisitUtm(random);
  if (kind == 1 || kind == 2) utm = Utm("letter", "email", static_cast<int>(random.Below(60)));
  if (kind == 4) utm = Utm("hall", "fair", static_cast<int>(random.Below(6)));
  char extra[96] = "";
  if (kind == 5) {
    const auto cents = static_cast<unsigned long long>(5000 + random.Below(2'000'000));
    std::snprintf(extra, sizeof extra,
                  R"(,"order_id":"o-%08llu","amount":"%llu.%02llu","currency":"EUR")",
                  static_cast<unsigned long long>(order), cents / 100, cents % 100);
  }
  const std::uint64_t a = random.Next(), b = random.Next(), c = random.Next();
  char line[900];
  std::snprintf(
      line, sizeof line,
      R"({"id":"%016llx%016llx","time":"%s","kind":"%s","user_id":"lead-%06llu",)"
      R"("anonymous_id":"%08llx-%04llx-4abc-8def-%012llx","utm":%s,)"
      R"("page":{"url":"https://www.example.com/catalogue/family-%02llu/part-%05llu","referrer":""},)"
      R"("country":"%s"%s,"user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) )"
      R"(AppleWebKit/537.36 (KHTML, like Gecko) Chrome/13%llu.0.0.0 Safari/537.36"})",
      static_cast<unsigned long long>(a), static_cast<unsigned long long>(b),
      Timestamp(time).c_str(), kKinds[kind], static_cast<unsigned long long>(lead),
      static_cast<unsigned long long>(c >> 32), static_cast<unsigned long long>(c & 0xffff),
      static_cast<unsigned long long>(lead * 0x9E3779B97F4Au & 0xffffffffffff), utm.c_str(),
      static_cast<unsigned long long>(c >> 8 & 31), static_cast<unsigned long long>(c >> 13 & 0x7fff),
      kCountries[c >> 29 & 7], extra, static_cast<unsigned long long>(c >> 60 & 7));
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t events = 1'000'000, leads = 200'000, seed = 1;
  bool zipf = false;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--events") events = std::strtoull(value.c_str(), nullptr, 10);
    if (option == "--leads") leads = std::strtoull(value.c_str(), nullptr, 10);
    if (option == "--seed") seed = std::strtoull(value.c_str(), nullptr, 10);
    if (option == "--dist") zipf = value == "zipf";
  }
  Random random(seed);
  const LeadPicker picker(leads, zipf);
  std::priority_queue<Delayed> delayed;
  static char buffer[1 << 20];
  std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  auto release = [&](std::int64_t now) {
    while (!delayed.empty() && delayed.top().due <= now) {
      std::puts(delayed.top().line.c_str());
      delayed.pop();
    }
  };
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < events; ++i) {
    const std::int64_t step = std::max<std::int64_t>(1, kSpan / static_cast<std::int64_t>(events));
    const std::int64_t time =
        kStart + static_cast<std::int64_t>(static_cast<__int128>(kSpan) * i / events) +
        static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(step)));
    std::string line = MakeEvent(time, picker.Pick(random), i, random);
    release(time);
    const std::uint64_t luck = random.Below(1000);
    std::int64_t due = time;
    if (luck < 20) due += static_cast<std::int64_t>(random.Below(3 * kDay));
    if (luck >= 995) {
      delayed.push({due + static_cast<std::int64_t>(random.Below(kDay)), number++, line});
    }
    if (luck < 20) {
      delayed.push({due, number++, std::move(line)});
    } else {
      std::puts(line.c_str());
    }
  }
  release(INT64_MAX);
  return 0;
}
