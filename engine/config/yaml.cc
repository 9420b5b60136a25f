#include "engine/config/yaml.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include <libfyaml.h>

#include "engine/config/expansion.h"
#include "engine/base/unicode.h"

namespace leadflow {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr int kMostDepth = 64;
constexpr std::size_t kMostNodes = 100'000;

struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagDeleter {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

void Silent(fy_diag*, void*, const char*, std::size_t) {}

// Byte offsets to lines and columns.
class LineTable {
 public:
  explicit LineTable(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
      starts_.push_back(at + 1);
    }
  }

  Position At(std::size_t offset, std::size_t bytes) {
    offset = std::min(offset, text_.size());
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const std::size_t line = static_cast<std::size_t>(after - starts_.begin()) - 1;
    // Counts on from the last place asked for: a line may be the whole file.
    if (last_offset_ > offset || last_offset_ < starts_[line]) {
      last_offset_ = starts_[line];
      last_column_ = 0;
    }
    last_column_ += CodePointCount(text_.substr(last_offset_, offset - last_offset_));
    last_offset_ = offset;
    Position at;
    at.line = static_cast<int>(line) + 1;
    at.column = static_cast<int>(last_column_) + 1;
    std::string_view shown = text_.substr(offset, bytes);
    shown = shown.substr(0, shown.find_first_of("\r\n"));
    at.width = std::max(1, static_cast<int>(CodePointCount(shown)));
    return at;
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
  std::size_t last_offset_ = 0;
  std::size_t last_column_ = 0;
};

bool IsNullText(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Builds the tree from the parser's events.
class Builder {
 public:
  Builder(std::string_view text, const Environment& environment, Diagnostics* diagnostics)
      : text_(text), lines_(text), environment_(environment), diagnostics_(*diagnostics) {}

  std::optional<YamlNode> Build() {
    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.output_fn = Silent;
    diag_.reset(fy_diag_create(&diag_config));
    fy_parse_cfg config = {};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                                   FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2);
    config.diag = diag_.get();
    if (diag_ != nullptr) {
      fy_diag_set_collect_errors(diag_.get(), true);
      parser_.reset(fy_parser_create(&config));
    }
    if (parser_ == nullptr ||
        fy_parser_set_string(parser_.get(), text_.data(), text_.size()) != 0) {
      Fail(Position(), "the YAML parser could not be set up", "");
      return std::nullopt;
    }
    std::optional<YamlNode> root = Stream();
    if (failed_) return std::nullopt;
    return root;
  }

 private:
  // One event; gives it back to the parser at the end of the scope.
  class Event {
   public:
    explicit Event(fy_parser* parser) : parser_(parser), event_(fy_parser_parse(parser)) {}
    ~Event() {
      if (event_ != nullptr) fy_parser_event_free(parser_, event_);
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    explicit operator bool() const { return event_ != nullptr; }
    const fy_event* operator->() const { return event_; }

   private:
    fy_parser* parser_;
    fy_event* event_;
  };

  void Fail(Position at, std::string message, std::string hint) {
    if (!failed_) diagnostics_.Error("yaml", at, std::move(message), std::move(hint));
    failed_ = true;
  }

  // The parser gave no event: says why.
  void ParserFailed() {
    if (failed_) return;
    void* iterator = nullptr;
    const fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &iterator);
    if (error == nullptr || error->msg == nullptr) {
      Fail(Position(), "this is no YAML", "");
      return;
    }
    std::string message = error->msg;
    for (std::size_t at = message.find("indendation"); at != std::string::npos;
         at = message.find("indendation", at)) {
      message.replace(at, 11, "indentation");
    }
    while (!message.empty() && message.back() == '\n') message.pop_back();
    std::string hint;
    if (message.find("tab") != std::string::npos) hint = "indent with spaces";
    if (message.find("start with '@'") != std::string::npos) hint = "put the text in quotes";
    Fail({std::max(error->line, 1), std::max(error->column, 1), 1}, std::move(message),
         std::move(hint));
  }

  std::optional<YamlNode> Stream() {
    std::optional<YamlNode> root;
    while (!failed_) {
      Event event(parser_.get());
      if (!event) {
        if (fy_parser_get_stream_error(parser_.get())) ParserFailed();
        break;
      }
      if (event->type == FYET_STREAM_START || event->type == FYET_DOCUMENT_END) continue;
      if (event->type == FYET_STREAM_END) break;
      if (event->type == FYET_DOCUMENT_START) {
        if (!root) continue;
        Fail(PositionOf(event->document_start.document_start, 3), "a second document begins here",
             "one file holds one pipeline");
        break;
      }
      root = Node(event, Position{1, 1, 1}, 1);
    }
    if (!failed_ && !root) {
      root.emplace();
      root->at = Position{1, 1, 1};
    }
    return root;
  }

  Position PositionOf(fy_token* token, std::size_t bytes) {
    const fy_mark* mark = token != nullptr ? fy_token_start_mark(token) : nullptr;
    return mark != nullptr ? lines_.At(mark->input_pos, bytes) : Position();
  }

  // Counts a node; false if there are too many of them, or it is too deep.
  bool Admit(Position at, int depth) {
    if (++nodes_ > kMostNodes) {
      Fail(at, "more than " + std::to_string(kMostNodes) + " values", "");
    } else if (depth > kMostDepth) {
      Fail(at, "nested more than " + std::to_string(kMostDepth) + " levels deep", "");
    }
    return !failed_;
  }

  void RefuseTag(fy_token* tag) {
    if (tag == nullptr) return;
    Position at = PositionOf(tag, 1);
    diagnostics_.Error("tag", at, "tags (`!name`) have no meaning here",
                       "quotes make a value a text");
  }

  void Anchor(fy_token* anchor, const YamlNode& node) {
    std::size_t size = 0;
    const char* name = anchor != nullptr ? fy_token_get_text(anchor, &size) : nullptr;
    if (name != nullptr) anchors_.insert_or_assign(std::string(name, size), node);
  }

  // REQUIRES: an event that begins a value. `fallback`: the place of a value that is not written.
  YamlNode Node(const Event& event, Position fallback, int depth) {
    YamlNode node;
    node.at = fallback;
    switch (event->type) {
      case FYET_SCALAR:
        Scalar(event, &node);
        if (Admit(node.at, depth)) Anchor(event->scalar.anchor, node);
        RefuseTag(event->scalar.tag);
        break;
      case FYET_SEQUENCE_START:
        node.type = YamlNode::Type::kSequence;
        node.at = PositionOf(event->sequence_start.sequence_start, 1);
        RefuseTag(event->sequence_start.tag);
        if (Admit(node.at, depth)) Sequence(&node, depth);
        Anchor(event->sequence_start.anchor, node);
        break;
      case FYET_MAPPING_START:
        node.type = YamlNode::Type::kMapping;
        node.at = PositionOf(event->mapping_start.mapping_start, 1);
        RefuseTag(event->mapping_start.tag);
        if (Admit(node.at, depth)) Mapping(&node, depth);
        Anchor(event->mapping_start.anchor, node);
        break;
      case FYET_ALIAS: Alias(event, &node, depth); break;
      default: Fail(fallback, "a value is missing here", "");
    }
    return node;
  }

  void Sequence(YamlNode* node, int depth) {
    while (!failed_) {
      Event event(parser_.get());
      if (!event) {
        ParserFailed();
      } else if (event->type == FYET_SEQUENCE_END) {
        return;
      } else {
        node->items.push_back(Node(event, node->at, depth + 1));
      }
    }
  }

  void Mapping(YamlNode* node, int depth) {
    std::unordered_map<std::string, int> lines;  // key -> line where it stands first
    while (!failed_) {
      YamlNode key;
      {
        Event event(parser_.get());
        if (!event) return ParserFailed();
        if (event->type == FYET_MAPPING_END) return;
        if (event->type != FYET_SCALAR) {
          return Fail(Begin(event, node->at), "a key must be one word or text", "");
        }
        RefuseTag(event->scalar.tag);
        ScalarText(event, &key);
        if (key.at.line == 0) key.at = node->at;
      }
      Event event(parser_.get());
      if (!event) return ParserFailed();
      YamlNode value = Node(event, key.at, depth + 1);
      const auto [first, added] = lines.emplace(key.scalar, key.at.line);
      if (!added) {
        diagnostics_.Error("duplicate-key", key.at,
                           "key `" + key.scalar + "` stands twice in one mapping",
                           "first in line " + std::to_string(first->second));
      } else if (key.scalar == "<<" && !key.quoted) {
        diagnostics_.Error("merge-key", key.at, "merge keys (`<<`) are not part of YAML 1.2",
                           "write the keys out");
      } else {
        node->members.push_back({std::move(key.scalar), key.at, std::move(value)});
      }
    }
  }

  Position Begin(const Event& event, Position fallback) {
    fy_token* token = event->type == FYET_SEQUENCE_START  ? event->sequence_start.sequence_start
                      : event->type == FYET_MAPPING_START ? event->mapping_start.mapping_start
                      : event->type == FYET_ALIAS         ? event->alias.anchor
                                                          : nullptr;
    const Position at = PositionOf(token, 1);
    return at.line > 0 ? at : fallback;
  }

  void Alias(const Event& event, YamlNode* node, int depth) {
    std::size_t size = 0;
    const char* name = fy_token_get_text(event->alias.anchor, &size);
    const std::string key(name != nullptr ? name : "", size);
    const Position at = PositionOf(event->alias.anchor, size);
    const auto found = anchors_.find(key);
    if (found == anchors_.end()) {
      diagnostics_.Error("yaml", at, "no anchor `&" + key + "` above this alias", "");
      return;
    }
    if (AdmitCopy(found->second, at, depth)) *node = found->second;
  }

  bool AdmitCopy(const YamlNode& node, Position at, int depth) {
    if (!Admit(at, depth)) return false;
    for (const YamlNode& item : node.items) {
      if (!AdmitCopy(item, at, depth + 1)) return false;
    }
    for (const YamlNode::Member& member : node.members) {
      if (!AdmitCopy(member.value, at, depth + 1)) return false;
    }
    return true;
  }

  // Text, quoting and place, before expansion.
  void ScalarText(const Event& event, YamlNode* node) {
    fy_token* token = event->scalar.value;
    node->type = YamlNode::Type::kScalar;
    std::size_t size = 0;
    const char* text = token != nullptr ? fy_token_get_text(token, &size) : nullptr;
    if (text != nullptr) node->scalar.assign(text, size);
    const fy_scalar_style style = token != nullptr ? fy_token_scalar_style(token) : FYSS_PLAIN;
    node->quoted = style != FYSS_PLAIN && style != FYSS_ANY;
    const fy_mark* mark = token != nullptr ? fy_token_start_mark(token) : nullptr;
    if (mark == nullptr) return;
    std::size_t at = std::min(mark->input_pos, text_.size());
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
      // Marks stand behind the opening quote in some versions of the library, on it in others.
      const char quote = style == FYSS_SINGLE_QUOTED ? '\'' : '"';
      if (at > 0 && text_[at - 1] == quote) --at;
      node->content_offset = 1;
      node->at = lines_.At(at, size + 2);
    } else {
      if (node->quoted) at = BlockContent(at);
      node->at = lines_.At(at, size);
    }
  }

  // The first character of a block scalar, given a place in its header or the start of its first
  // line.
  std::size_t BlockContent(std::size_t at) const {
    if (at < text_.size() && (text_[at] == '|' || text_[at] == '>')) {
      at = std::min(text_.find('\n', at), text_.size() - 1) + 1;
    }
    const std::size_t content = text_.find_first_not_of(" \r\n", at);
    return content == std::string_view::npos ? at : content;
  }

  void Scalar(const Event& event, YamlNode* node) {
    const Position fallback = node->at;
    node->at = Position();
    ScalarText(event, node);
    if (node->at.line == 0) node->at = fallback;
    if (!node->quoted && IsNullText(node->scalar)) {
      node->type = YamlNode::Type::kNull;
      node->scalar.clear();
    } else if (environment_ && node->scalar.find("${") != std::string::npos) {
      node->scalar = ExpandVariables(node->scalar, node->ContentAt(), environment_, &diagnostics_);
    }
  }

  std::string_view text_;
  LineTable lines_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  std::unique_ptr<fy_diag, DiagDeleter> diag_;  // outlives the parser
  std::unique_ptr<fy_parser, ParserDeleter> parser_;
  std::unordered_map<std::string, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  bool failed_ = false;
};

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Position YamlNode::ContentAt() const {
  Position content = at;
  content.column += content_offset;
  content.width = std::max(1, at.width - 2 * content_offset);
  return content;
}

std::optional<bool> YamlNode::AsBool() const {
  if (type != Type::kScalar || quoted) return std::nullopt;
  if (scalar == "true" || scalar == "True" || scalar == "TRUE") return true;
  if (scalar == "false" || scalar == "False" || scalar == "FALSE") return false;
  return std::nullopt;
}

std::optional<std::int64_t> YamlNode::AsInt() const {
  if (type != Type::kScalar || quoted) return std::nullopt;
  std::string_view digits = scalar;
  int base = 10;
  if (digits.starts_with("0x")) base = 16;
  if (digits.starts_with("0o")) base = 8;
  if (base != 10) {
    digits.remove_prefix(2);
    if (digits.starts_with('-')) return std::nullopt;
  } else if (digits.starts_with('+')) {
    digits.remove_prefix(1);
    if (digits.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<YamlNode> ParseYaml(std::string_view text, const Environment& environment,
                                  Diagnostics* diagnostics) {
  if (text.size() > kMostBytes) {
    diagnostics->Error("yaml", Position(), "the file is larger than 4 MiB", "");
    return std::nullopt;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  std::size_t bad = FindInvalidUtf8(text);
  for (std::size_t at = 0; at < text.size() && at < bad; ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') bad = at;
  }
  if (bad != std::string_view::npos) {
    diagnostics->Error("yaml", LineTable(text).At(bad, 1), "a byte that is no UTF-8 text",
                       "save the file as UTF-8");
    return std::nullopt;
  }
  return Builder(text, environment, diagnostics).Build();
}

}  // namespace leadflow
