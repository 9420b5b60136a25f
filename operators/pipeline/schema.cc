#include "operators/pipeline/schema.h"

#include "operators/pipeline/keys.h"
#include "operators/pipeline/section_reader.h"

namespace leadflow {
namespace {

// `text` of the tables: no control characters.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

void AppendSection(const Section& section, std::string* out);

void AppendChoices(std::string_view choices, std::string* out) {
  *out += "\"enum\":[";
  bool first = true;
  for (const std::string_view choice : SplitChoices(choices)) {
    if (!first) *out += ',';
    first = false;
    *out += Quoted(choice);
  }
  *out += "]";
}

// Strings in quotes may hold ${X}, so numbers and durations are strings too.
void AppendType(const Key& key, std::string* out) {
  switch (key.type) {
    case KeyType::kText:
      if (!key.choices.empty()) {
        AppendChoices(key.choices, out);
      } else {
        *out += "\"type\":[\"string\",\"number\",\"boolean\"]";
      }
      return;
    case KeyType::kBool: *out += "\"type\":[\"boolean\",\"string\"]"; return;
    case KeyType::kInt: *out += "\"type\":[\"integer\",\"string\"]"; return;
    case KeyType::kDuration:
      *out += R"("type":"string","pattern":"^([0-9]+(ms|s|m|min|h|d|w|y))+$|\\$\\{")";
      return;
    case KeyType::kSize: *out += R"("type":["string","integer"])"; return;
    case KeyType::kExpression: *out += R"("type":["string","boolean"])"; return;
    case KeyType::kTexts:
      *out += R"("anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}])";
      return;
    case KeyType::kMapping:
      if (key.section == nullptr) {
        *out += "\"type\":\"object\"";
      } else {
        AppendSection(*key.section, out);
      }
      return;
    case KeyType::kNamed:
      *out += "\"type\":[\"object\",\"null\"],\"additionalProperties\":{";
      if (key.section == nullptr) {
        *out += "\"type\":\"string\"";
      } else {
        AppendSection(*key.section, out);
      }
      *out += "}";
      return;
    case KeyType::kList:
      *out += "\"type\":[\"array\",\"null\"]";
      if (key.section != nullptr) {
        *out += ",\"items\":{";
        AppendSection(*key.section, out);
        *out += "}";
      }
      return;
    case KeyType::kAny: return;
  }
}

void AppendSection(const Section& section, std::string* out) {
  *out += "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{";
  bool first = true;
  std::string required;
  for (const Key& key : section.keys) {
    if (!key.lacking.empty()) continue;
    if (!first) *out += ',';
    first = false;
    *out += Quoted(key.name) + ":{\"description\":" + Quoted(key.doc);
    std::string type;
    AppendType(key, &type);
    if (!type.empty()) *out += ',' + type;
    *out += '}';
    if (key.required) required += (required.empty() ? "" : ",") + Quoted(key.name);
  }
  *out += '}';
  if (!required.empty()) *out += ",\"required\":[" + required + "]";
}

}  // namespace

std::string PipelineJsonSchema() {
  std::string out =
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"leadflow pipeline",)";
  AppendSection(kPipelineSection, &out);
  return out + "}\n";
}

}  // namespace leadflow
