#include "engine/base/money.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "engine/base/check.h"

namespace leadflow {
namespace {

using Unsigned128 = unsigned __int128;

// ISO 4217, the codes in use and those withdrawn so recently that old bills still carry them.
// Metals, bond units and test codes have no minor unit and are no money here.
constexpr std::string_view kExponent0 =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
constexpr std::string_view kExponent2 =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
    "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT "
    "LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD "
    "XCD XCG YER ZAR ZMW ZWG ZWL";
constexpr std::string_view kExponent3 = "BHD IQD JOD KWD LYD OMR TND";
constexpr std::string_view kExponent4 = "CLF UYW";

constexpr std::size_t CodeIndex(std::string_view code) {
  std::size_t index = 0;
  for (const char c : code) index = index * 26 + static_cast<std::size_t>(c - 'A');
  return index;
}

struct ExponentTable {
  std::array<signed char, 26 * 26 * 26> exponent{};
};

constexpr ExponentTable MakeTable() {
  ExponentTable table;
  for (auto& entry : table.exponent) entry = -1;
  const std::pair<std::string_view, signed char> lists[] = {
      {kExponent0, 0}, {kExponent2, 2}, {kExponent3, 3}, {kExponent4, 4}};
  for (const auto& [codes, exponent] : lists) {
    for (std::size_t i = 0; i < codes.size(); i += 4) {
      table.exponent[CodeIndex(codes.substr(i, 3))] = exponent;
    }
  }
  return table;
}

constexpr ExponentTable kTable = MakeTable();

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::uint64_t Magnitude(std::int64_t value) {
  return value < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                   : static_cast<std::uint64_t>(value);
}

Unsigned128 Magnitude(__int128 value) {
  return value < 0 ? Unsigned128{0} - static_cast<Unsigned128>(value)
                   : static_cast<Unsigned128>(value);
}

std::int64_t WithSign(std::uint64_t magnitude, bool negative) {
  return static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
}

// Is quotient + rest/divisor above its half, the tie going to the even one?
bool RoundsUp(Unsigned128 rest, Unsigned128 divisor, bool odd) {
  const Unsigned128 other = divisor - rest;
  return rest > other || (rest == other && odd);
}

std::string Digits(Unsigned128 value) {
  std::array<char, 40> buffer;
  std::size_t at = buffer.size();
  do {
    buffer[--at] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  return std::string(buffer.data() + at, buffer.size() - at);
}

// The next decimal digit of rest/divisor; leaves the new rest. Never forms 10 x rest, which may not
// fit.
char NextDigit(Unsigned128* rest, Unsigned128 divisor) {
  const Unsigned128 step = *rest;
  Unsigned128 sum = 0;
  char digit = '0';
  for (int i = 0; i < 10; ++i) {
    if (sum >= divisor - step) {
      sum -= divisor - step;
      ++digit;
    } else {
      sum += step;
    }
  }
  *rest = sum;
  return digit;
}

struct Remainder {
  Unsigned128 value;
  std::size_t index;
};

// Gives one more unit to the `count` largest remainders, ties to the earlier.
void HandOut(std::span<Remainder> remainders, std::size_t count, std::span<std::int64_t> shares) {
  const auto larger = [](const Remainder& a, const Remainder& b) {
    return a.value != b.value ? a.value > b.value : a.index < b.index;
  };
  std::nth_element(remainders.begin(), remainders.begin() + static_cast<std::ptrdiff_t>(count),
                   remainders.end(), larger);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = remainders[i].index;
    shares[at] = WithSign(static_cast<std::uint64_t>(shares[at]) + 1, false);
  }
}

void SplitEvenly(std::uint64_t total, std::span<std::int64_t> shares) {
  const std::uint64_t share = total / shares.size();
  const std::uint64_t rest = total % shares.size();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i] = WithSign(share + (i < rest ? 1 : 0), false);
  }
}

// Shares as unsigned numbers in the bits of `shares`. REQUIRES: sum > 0
void SplitByRemainder(std::uint64_t total, std::span<const std::int64_t> weights, Unsigned128 sum,
                      std::uint64_t largest, std::span<std::int64_t> shares) {
  constexpr std::size_t kOnStack = 512;
  std::array<Remainder, kOnStack> on_stack;
  std::vector<Remainder> on_heap;
  if (weights.size() > kOnStack) on_heap.resize(weights.size());
  const std::span<Remainder> remainders =
      weights.size() > kOnStack ? std::span<Remainder>(on_heap)
                                : std::span<Remainder>(on_stack).first(weights.size());
  const Unsigned128 largest_product = static_cast<Unsigned128>(total) * largest;
  std::uint64_t given = 0;
  if ((largest_product >> 64) == 0 && (sum >> 64) == 0) {
    const auto divisor = static_cast<std::uint64_t>(sum);  // a quarter of the time of 128 bits
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::uint64_t product = total * static_cast<std::uint64_t>(weights[i]);
      const std::uint64_t share = product / divisor;
      shares[i] = static_cast<std::int64_t>(share);
      remainders[i] = {product - share * divisor, i};
      given += share;
    }
  } else {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const Unsigned128 product =
          static_cast<Unsigned128>(total) * static_cast<std::uint64_t>(weights[i]);
      const Unsigned128 share = product / sum;
      shares[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(share));
      remainders[i] = {product - share * sum, i};
      given += static_cast<std::uint64_t>(share);
    }
  }
  if (given != total) HandOut(remainders, static_cast<std::size_t>(total - given), shares);
}

}  // namespace

std::optional<int> CurrencyExponent(std::string_view code) {
  if (code.size() != 3) return std::nullopt;
  for (const char c : code) {
    if (c < 'A' || c > 'Z') return std::nullopt;
  }
  const int exponent = kTable.exponent[CodeIndex(code)];
  if (exponent < 0) return std::nullopt;
  return exponent;
}

std::optional<std::int64_t> ParseMinor(std::string_view text, int exponent) {
  LEADFLOW_CHECK(exponent >= 0 && exponent <= 9);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::uint64_t value = 0;
  int digits = 0;
  int behind = -1;  // digits behind the point; -1: no point yet
  for (const char c : text) {
    if (c == '.' && behind < 0) {
      behind = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    ++digits;
    if (behind >= 0 && ++behind > exponent) {
      if (c != '0') return std::nullopt;
      continue;
    }
    if (__builtin_mul_overflow(value, 10U, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value)) {
      return std::nullopt;
    }
  }
  if (digits == 0 || behind == 0) return std::nullopt;  // "", "-", "5."
  for (int i = std::max(behind, 0); i < exponent; ++i) {
    if (__builtin_mul_overflow(value, 10U, &value)) return std::nullopt;
  }
  if (value > static_cast<std::uint64_t>(kMax) + (negative ? 1 : 0)) return std::nullopt;
  return WithSign(value, negative);
}

std::string FormatMinor(std::int64_t minor, int exponent) {
  LEADFLOW_CHECK(exponent >= 0 && exponent <= 18);
  std::string text = std::to_string(Magnitude(minor));
  const auto behind = static_cast<std::size_t>(exponent);
  if (text.size() <= behind) text.insert(0, behind + 1 - text.size(), '0');
  if (behind > 0) text.insert(text.size() - behind, 1, '.');
  if (minor < 0) text.insert(0, 1, '-');
  return text;
}

std::optional<std::int64_t> MulDivHalfEven(std::int64_t a, std::int64_t b, std::int64_t c) {
  LEADFLOW_CHECK(c > 0);
  const __int128 product = static_cast<__int128>(a) * b;
  const Unsigned128 magnitude = Magnitude(product);
  const auto divisor = static_cast<Unsigned128>(c);
  Unsigned128 quotient = magnitude / divisor;
  if (RoundsUp(magnitude % divisor, divisor, (quotient & 1) != 0)) ++quotient;
  const bool negative = product < 0;
  const Unsigned128 limit = static_cast<Unsigned128>(kMax) + (negative ? 1 : 0);
  if (quotient > limit) return std::nullopt;
  return WithSign(static_cast<std::uint64_t>(quotient), negative);
}

std::string FormatRatio(__int128 numerator, __int128 denominator, int digits) {
  LEADFLOW_CHECK(denominator != 0 && digits >= 0 && digits <= 100);
  const Unsigned128 divisor = Magnitude(denominator);
  const Unsigned128 magnitude = Magnitude(numerator);
  Unsigned128 rest = magnitude % divisor;
  std::string text = Digits(magnitude / divisor);
  const std::size_t before = text.size();
  for (int i = 0; i < digits; ++i) text.push_back(NextDigit(&rest, divisor));
  std::size_t at = text.size();
  bool carry = RoundsUp(rest, divisor, (text.back() - '0') % 2 != 0);
  while (carry && at > 0) {
    carry = text[--at] == '9';
    text[at] = carry ? '0' : static_cast<char>(text[at] + 1);
  }
  const bool zero = text.find_first_not_of('0') == std::string::npos && !carry;
  if (digits > 0) text.insert(before, 1, '.');
  if (carry) text.insert(0, 1, '1');
  if (!zero && (numerator < 0) != (denominator < 0)) text.insert(0, 1, '-');
  return text;
}

void SplitByWeights(std::int64_t total, std::span<const std::int64_t> weights,
                    std::span<std::int64_t> shares) {
  LEADFLOW_CHECK(!weights.empty() && weights.size() == shares.size());
  Unsigned128 sum = 0;
  std::int64_t largest = 0;
  bool even = true;
  for (const std::int64_t weight : weights) {
    LEADFLOW_CHECK(weight >= 0);
    sum += static_cast<std::uint64_t>(weight);
    largest = std::max(largest, weight);
    even = even && weight == weights[0];
  }
  const std::uint64_t magnitude = Magnitude(total);
  if (even) {  // all equal, all zero too: the remainders are equal, so the earlier ones get the
               // rest
    SplitEvenly(magnitude, shares);
  } else {
    SplitByRemainder(magnitude, weights, sum, static_cast<std::uint64_t>(largest), shares);
  }
  if (total >= 0) return;
  for (std::int64_t& share : shares) share = WithSign(static_cast<std::uint64_t>(share), true);
}

}  // namespace leadflow
