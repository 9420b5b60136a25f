// The kinds of events, and the fields that events have. The one list of both: parsers, expressions,
// docs and the wire format read it. Numbers are written to disk: never change one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace leadflow {

enum class Phase : std::uint8_t { kReach, kInteraction, kTransaction, kOther };

// X(number, enumerator, name, phase)
#define LEADFLOW_KINDS(X)                                     \
  X(1, kPageView, "page_view", kReach)                        \
  X(2, kFairVisit, "fair_visit", kReach)                      \
  X(3, kEmailSent, "email_sent", kReach)                      \
  X(4, kEmailDelivered, "email_delivered", kReach)            \
  X(5, kLetterSent, "letter_sent", kReach)                    \
  X(6, kSocialFollow, "social_follow", kReach)                \
  X(7, kSocialUnfollow, "social_unfollow", kReach)            \
  X(8, kFollowerCount, "follower_count", kReach)              \
  X(9, kAdImpression, "ad_impression", kReach)                \
  X(10, kPagePing, "page_ping", kInteraction)                 \
  X(11, kAction, "action", kInteraction)                      \
  X(12, kEmailOpen, "email_open", kInteraction)               \
  X(13, kEmailClick, "email_click", kInteraction)             \
  X(14, kEmailBounce, "email_bounce", kInteraction)           \
  X(15, kEmailUnsubscribe, "email_unsubscribe", kInteraction) \
  X(16, kEmailComplaint, "email_complaint", kInteraction)     \
  X(17, kLetterReply, "letter_reply", kInteraction)           \
  X(18, kCardCollected, "card_collected", kInteraction)       \
  X(19, kFormSubmit, "form_submit", kInteraction)             \
  X(20, kContentDownload, "content_download", kInteraction)   \
  X(21, kWebinarAttend, "webinar_attend", kInteraction)       \
  X(22, kMeeting, "meeting", kInteraction)                    \
  X(23, kCall, "call", kInteraction)                          \
  X(24, kSocialLike, "social_like", kInteraction)             \
  X(25, kSocialComment, "social_comment", kInteraction)       \
  X(26, kSocialShare, "social_share", kInteraction)           \
  X(27, kSocialClick, "social_click", kInteraction)           \
  X(28, kAdClick, "ad_click", kInteraction)                   \
  X(29, kContactCreated, "contact_created", kTransaction)     \
  X(30, kStageChange, "stage_change", kTransaction)           \
  X(31, kDealChange, "deal_change", kTransaction)             \
  X(32, kOrder, "order", kTransaction)                        \
  X(33, kOrderCancel, "order_cancel", kTransaction)           \
  X(34, kRefund, "refund", kTransaction)                      \
  X(35, kDiscountIssued, "discount_issued", kTransaction)     \
  X(36, kIdentify, "identify", kOther)                        \
  X(37, kUnlink, "unlink", kOther)                            \
  X(38, kProfile, "profile", kOther)                          \
  X(39, kCost, "cost", kOther)                                \
  X(40, kRate, "rate", kOther)                                \
  X(41, kErase, "erase", kOther)

enum class Kind : std::uint8_t {
  kNone = 0,
#define LEADFLOW_KIND(number, enumerator, name, phase) enumerator = number,
  LEADFLOW_KINDS(LEADFLOW_KIND)
#undef LEADFLOW_KIND
};
inline constexpr int kKindCount = 42;  // one past the last number

std::string_view KindName(Kind kind);
std::optional<Kind> KindFromName(std::string_view name);
Phase KindPhase(Kind kind);
std::span<const Kind> AllKinds();

enum class FieldType : std::uint8_t { kString, kInt, kBool, kTime, kDate, kMoney, kDecimal };

// X(number, enumerator, dotted name in files and expressions, type). kMoney fields hold minor
// units; their currency is the field behind them. kDate: days since 1970. kDecimal: x 1e-9.
#define LEADFLOW_FIELDS(X)                               \
  X(1, kCompany, "company", kString)                     \
  X(2, kAccountId, "account_id", kString)                \
  X(3, kUtmSource, "utm.source", kString)                \
  X(4, kUtmMedium, "utm.medium", kString)                \
  X(5, kUtmCampaign, "utm.campaign", kString)            \
  X(6, kUtmContent, "utm.content", kString)              \
  X(7, kUtmTerm, "utm.term", kString)                    \
  X(8, kGclid, "gclid", kString)                         \
  X(9, kFbclid, "fbclid", kString)                       \
  X(10, kLiFatId, "li_fat_id", kString)                  \
  X(11, kMsclkid, "msclkid", kString)                    \
  X(12, kReferrer, "referrer", kString)                  \
  X(13, kPageUrl, "page.url", kString)                   \
  X(14, kPagePath, "page.path", kString)                 \
  X(15, kSessionId, "session_id", kString)               \
  X(16, kCampaign, "campaign", kString)                  \
  X(17, kCountry, "country", kString)                    \
  X(18, kProductLine, "product_line", kString)           \
  X(19, kOwner, "owner", kString)                        \
  X(20, kUserAgent, "user_agent", kString)               \
  X(21, kMessageId, "message_id", kString)               \
  X(22, kVariant, "variant", kString)                    \
  X(23, kFair, "fair", kString)                          \
  X(24, kNetwork, "network", kString)                    \
  X(25, kName, "name", kString)                          \
  X(26, kLink, "link", kString)                          \
  X(27, kForm, "form", kString)                          \
  X(28, kAsset, "asset", kString)                        \
  X(29, kOffer, "offer", kString)                        \
  X(30, kStage, "stage", kString)                        \
  X(31, kDealId, "deal_id", kString)                     \
  X(32, kStatus, "status", kString)                      \
  X(33, kOrderId, "order_id", kString)                   \
  X(34, kDiscountCode, "discount_code", kString)         \
  X(35, kRefundId, "refund_id", kString)                 \
  X(36, kChannel, "channel", kString)                    \
  X(37, kAmount, "amount", kMoney)                       \
  X(38, kCurrency, "currency", kString)                  \
  X(39, kDiscount, "discount", kMoney)                   \
  X(40, kDiscountCurrency, "discount_currency", kString) \
  X(41, kCount, "count", kInt)                           \
  X(42, kRating, "rating", kInt)                         \
  X(43, kFollowers, "followers", kInt)                   \
  X(44, kClicks, "clicks", kInt)                         \
  X(45, kImpressions, "impressions", kInt)               \
  X(46, kHard, "hard", kBool)                            \
  X(47, kMachine, "machine", kBool)                      \
  X(48, kUpdated, "updated", kTime)                      \
  X(49, kDay, "day", kDate)                              \
  X(50, kPeriodStart, "period.start", kDate)             \
  X(51, kPeriodEnd, "period.end", kDate)                 \
  X(52, kRate, "rate", kDecimal)                         \
  X(53, kEmailDomain, "email_domain", kString)

enum class Field : std::uint8_t {
  kNone = 0,
#define LEADFLOW_FIELD(number, enumerator, name, type) enumerator = number,
  LEADFLOW_FIELDS(LEADFLOW_FIELD)
#undef LEADFLOW_FIELD
};
inline constexpr int kFieldCount = 54;  // one past the last number

// Bit per Field: those that hold text. All others hold a number.
inline constexpr std::uint64_t kTextFields = 0
#define LEADFLOW_FIELD(number, enumerator, name, type) \
  | (FieldType::type == FieldType::kString ? std::uint64_t{1} << number : 0)
    LEADFLOW_FIELDS(LEADFLOW_FIELD)
#undef LEADFLOW_FIELD
    ;
inline constexpr std::uint64_t FieldBit(Field field) {
  return std::uint64_t{1} << static_cast<std::uint8_t>(field);
}

std::string_view FieldName(Field field);
std::span<const Field> AllFields();  // in the order of their numbers
std::optional<Field> FieldFromName(std::string_view name);
FieldType TypeOfField(Field field);

// Types of identifiers, strongest first; the order is that of the numbers.
enum class IdentifierType : std::uint8_t {
  kCrmContactId = 1,
  kCustomerId = 2,
  kEmail = 3,
  kUserId = 4,
  kPhone = 5,
  kCardId = 6,
  kAnonymousId = 7,
};
inline constexpr int kIdentifierTypes = 8;  // one past the last number

std::string_view IdentifierTypeName(IdentifierType type);
std::optional<IdentifierType> IdentifierTypeFromName(std::string_view name);
// All but user_id and anonymous_id: makes a lead known.
inline bool IsContactable(IdentifierType type) {
  return type != IdentifierType::kUserId && type != IdentifierType::kAnonymousId;
}

}  // namespace leadflow
