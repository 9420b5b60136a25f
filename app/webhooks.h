// Webhooks: the paths of a pipeline to which others post. A request that proves who it is from is
// taken once it is in the inbox, and only then answered 200.
//
//   200  taken, for good        405  not a POST         415  not what the source's format reads
//   401  not proved             413  more than 1 MiB    503  not now; the sender has to try again
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "connectors/http/server.h"
#include "connectors/http/signature.h"
#include "connectors/http/tokens.h"
#include "connectors/inbox/queue.h"
#include "engine/base/clock.h"
#include "engine/metrics/exposition.h"
#include "operators/pipeline/pipeline.h"

namespace leadflow::app {

class Webhooks {
 public:
  // Reads the keys and tokens. kNotFound: one is not where the pipeline says.
  static Result<std::unique_ptr<Webhooks>> Make(const Pipeline& pipeline, Clock& clock);
  explicit Webhooks(Clock& clock) : clock_(clock) {}  // Use Make.

  bool Has(std::string_view path) const { return hooks_.find(path) != hooks_.end(); }

  // REQUIRES: Has(request.path)
  void Take(const HttpRequest& request, const HttpServer::Reply& reply);

  // Where accepted requests go; null: nowhere, they are answered 503. Not used any more once this
  // returns with another one.
  void SetQueue(InboxQueue* queue);

  void Expose(Exposition* out);

 private:
  struct Hook {
    std::string source;
    std::string topic;
    bool form = false;  // It reads form-encoded bodies.
    std::string signature_header;
    std::optional<Signature> signature;
    Tokens tokens;
  };

  HttpAnswer Check(const Hook& hook, const HttpRequest& request) const;
  std::string RecordOf(const HttpRequest& request) const;
  void Count(const std::string& source, int status);

  Clock& clock_;
  std::map<std::string, Hook, std::less<>> hooks_;  // By path. Never changes once it is made.
  std::mutex mutex_;
  InboxQueue* queue_ = nullptr;  // Guarded by mutex_.
  std::mutex counts_mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> counts_;  // Guarded by counts_mutex_.
};

}  // namespace leadflow::app
