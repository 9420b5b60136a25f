// Does what lines of kafka-acls.sh on standard input say, in one process: for rights.py.
//
//   java -cp 'LIB/*' ApplyAcls.java HOST:PORT < lines
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class ApplyAcls {
  static final Map<String, ResourceType> TYPES =
      Map.of("--topic", ResourceType.TOPIC, "--group", ResourceType.GROUP, "--transactional-id",
             ResourceType.TRANSACTIONAL_ID);

  static List<AclBinding> bindings(String line) {
    String[] words = line.replace("'", "").split(" ");
    ResourceType type = null;
    String name = null, user = null;
    PatternType pattern = PatternType.LITERAL;
    List<AclOperation> operations = new ArrayList<>();
    for (int i = 1; i < words.length; ++i) {
      if (words[i].equals("--add")) continue;
      String value = words[++i];
      switch (words[i - 1]) {
        case "--bootstrap-server" -> {}
        case "--allow-principal" -> user = value;
        case "--operation" -> operations.add(AclOperation.fromString(value.replaceAll("(?<=[a-z])(?=[A-Z])", "_")));
        case "--resource-pattern-type" -> pattern = PatternType.valueOf(value.toUpperCase());
        default -> {
          type = TYPES.get(words[i - 1]);
          name = value;
        }
      }
    }
    List<AclBinding> all = new ArrayList<>();
    for (AclOperation operation : operations) {
      if (operation.isUnknown()) throw new IllegalArgumentException(line);
      all.add(new AclBinding(new ResourcePattern(type, name, pattern),
                             new AccessControlEntry(user, "*", operation, AclPermissionType.ALLOW)));
    }
    return all;
  }

  public static void main(String[] arguments) throws Exception {
    List<AclBinding> all = new ArrayList<>();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = lines.readLine()) != null;) all.addAll(bindings(line));
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", (Object) arguments[0]))) {
      admin.createAcls(all).all().get();
    }
  }
}
