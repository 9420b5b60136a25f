#include "app/webhooks.h"

#include <algorithm>
#include <vector>

#include "app/inbox.h"
#include "app/pipeline_file.h"
#include "app/secret.h"
#include "app/tokens_file.h"
#include "connectors/formats/formats.h"
#include "connectors/inbox/record.h"

namespace leadflow::app {
namespace {

constexpr int kRetryAfterS = 2;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "Application/JSON; charset=utf-8" -> "application/json"
std::string MediaType(std::string_view header) {
  std::string type = Lower(header.substr(0, header.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  return type;
}

bool IsForm(const std::string& format) {
  if (format == "form") return true;
  const auto preset = PresetText(format) ? LoadPreset(format) : Result<MappingSet>(MappingSet());
  return preset.ok() && preset->syntax == Syntax::kForm;
}

// The attributes of a cloud event in binary mode, by the names that they have in records of topics.
std::string NameOfKept(std::string_view header) {
  std::string name = Lower(header);
  if (name.starts_with("ce-")) return "ce_" + name.substr(3);
  return name == "content-type" ? name : std::string();
}

HttpAnswer NotNow(std::string_view why) {
  return {.status = 503, .body = std::string(why) + "\n", .retry_after_s = kRetryAfterS};
}

}  // namespace

Result<std::unique_ptr<Webhooks>> Webhooks::Make(const Pipeline& pipeline, Clock& clock) {
  auto webhooks = std::make_unique<Webhooks>(clock);
  for (const SourceSpec& source : pipeline.sources) {
    if (!source.webhook) continue;
    const WebhookSpec& spec = *source.webhook;
    const std::string where = "sources." + source.name + ".http.verify";
    Hook hook;
    hook.source = source.name;
    hook.topic = InboxTopic(pipeline, source);
    hook.form = IsForm(source.format);
    hook.signature_header = spec.signature_header;
    if (!spec.signature_header.empty()) {
      LEADFLOW_ASSIGN_OR_RETURN(std::string key, ReadSecret(spec.key, where + ".hmac_sha256.key"));
      if (key.empty()) {
        return Status::InvalidArgument("`" + where + ".hmac_sha256.key`: the secret is empty");
      }
      hook.signature.emplace(std::move(key),
                             spec.hex ? Signature::Encoding::kHex : Signature::Encoding::kBase64);
    }
    LEADFLOW_ASSIGN_OR_RETURN(hook.tokens, ReadTokens(spec.tokens_file, where + ".tokens"));
    webhooks->hooks_.emplace(spec.path, std::move(hook));
  }
  return webhooks;
}

void Webhooks::SetQueue(InboxQueue* queue) {
  const std::lock_guard lock(mutex_);
  queue_ = queue;
}

// 200: nothing is wrong with it.
HttpAnswer Webhooks::Check(const Hook& hook, const HttpRequest& request) const {
  if (!request.post) return {.status = 405, .body = "only POST\n", .allow = "POST"};
  if (hook.signature &&
      !hook.signature->Signs(request.body, request.header(hook.signature_header))) {
    return {.status = 401,
            .body = "`" + hook.signature_header + "` is no signature of this body by our key\n"};
  }
  if (!hook.tokens.empty() && !hook.tokens.Has(request.token)) {
    return {.status = 401, .body = "send `Authorization: Bearer TOKEN`\n"};
  }
  const std::string coding = Lower(request.header("content-encoding"));
  if (!coding.empty() && coding != "identity") {
    return {.status = 415, .body = "send the body as it is, without `Content-Encoding`\n"};
  }
  const std::string type = MediaType(request.header("content-type"));
  const bool form = type == "application/x-www-form-urlencoded";
  if (type.starts_with("multipart/") || (form && !hook.form)) {
    return {.status = 415,
            .body = "`" + type + "` is not what this source reads; send `Content-Type: " +
                    (hook.form ? "application/x-www-form-urlencoded" : "application/json") + "`\n"};
  }
  return {};
}

std::string Webhooks::RecordOf(const HttpRequest& request) const {
  InboxRecord record;
  record.origin = request.path;
  record.arrived_ms = record.modified_ms = clock_.WallMillis();
  record.whole = true;
  std::vector<std::string> names;
  names.reserve(request.headers.size());  // They stay where they are.
  for (const RecordHeader& header : request.headers) {
    std::string name = NameOfKept(header.name);
    if (name.empty()) continue;
    record.headers.push_back({names.emplace_back(std::move(name)), header.value});
  }
  record.messages.push_back({.bytes = request.body});
  std::string bytes;
  EncodeInboxRecord(record, &bytes);
  return bytes;
}

void Webhooks::Take(const HttpRequest& request, const HttpServer::Reply& reply) {
  const Hook& hook = hooks_.find(request.path)->second;
  const auto answer = [this, reply, source = hook.source](HttpAnswer sent) {
    Count(source, sent.status);
    reply(std::move(sent));
  };
  HttpAnswer checked = Check(hook, request);
  if (checked.status != 200) return answer(std::move(checked));
  if (request.body.empty()) return answer({.body = "nothing in it\n"});
  std::string record = RecordOf(request);
  const char* refused = "not now";
  {
    const std::lock_guard lock(mutex_);
    if (queue_ != nullptr) {
      refused = "too much waits";
      const auto done = [answer](const Status& status) {
        answer(status.ok() ? HttpAnswer{.body = "taken\n"} : NotNow("the log is away"));
      };
      if (queue_->Add(hook.topic, std::move(record), done)) return;
    }
  }
  answer(NotNow(refused));
}

void Webhooks::Count(const std::string& source, int status) {
  const std::lock_guard lock(counts_mutex_);
  ++counts_[{source, status}];
}

void Webhooks::Expose(Exposition* out) {
  out->Family("leadflow_webhook_requests_total", Exposition::Type::kCounter,
              "Requests to the paths of webhooks, by what they were answered.");
  const std::lock_guard lock(counts_mutex_);
  for (const auto& [key, count] : counts_) {
    out->Sample({{"source", key.first}, {"status", std::to_string(key.second)}}, count);
  }
}

}  // namespace leadflow::app
