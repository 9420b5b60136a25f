// Messages and state of the identity protocol from any bytes: read or refused, never more; and what
// was read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operators/identity/cluster.h"
#include "operators/identity/message.h"
#include "operators/identity/resolve.h"

namespace leadflow {
namespace {

void ReadAll(std::string_view bytes) {
  KeyedMessage keyed;
  ReadKeyedMessage(bytes, &keyed);
  MessageHead head;
  if (ReadMessageHead(bytes, &head)) {
    EventMessage event;
    LinkMessage link;
    JoinMessage join;
    MoveMessage move;
    VoidMessage refused;
    Record record;
    TakeBackMessage take_back;
    ReadEventBody(head.body, &event);
    ReadLinkBody(head.body, &link);
    ReadJoinBody(head.body, &join);
    ReadVoidBody(head.body, &refused);
    ReadPutBody(head.body, &record);
    ReadTakeBackBody(head.body, &take_back);
    MoveContent content;
    if (ReadMoveBody(head.body, &move)) DecodeMovePart(move.content, move.part == 0, &content);
  }
  Address address;
  address.Read(bytes);
  LinkTable table, again;
  std::string_view rest = bytes;
  if (table.Read(&rest)) {
    std::string first, second;
    table.Append(&first);
    std::string_view copy = first;
    if (!again.Read(&copy) || !copy.empty()) std::abort();
    again.Append(&second);
    if (first != second) std::abort();
    Resolve(table, Guards{0x8e, 5});
  }
}

}  // namespace
}  // namespace leadflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  leadflow::ReadAll({reinterpret_cast<const char*>(data), size});
  return 0;
}
