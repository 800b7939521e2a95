import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** WithJdbc KEY LABEL: visits the database that the variable KEY leads to, with a pool of the size that the binding asks for. */
public class WithJdbc {
  // The driver prepares on the server what it has run five times.
  private static final int ROUNDS = 8;

  public static void main(String[] arguments) throws SQLException {
    try (HikariDataSource pool = new HikariDataSource(config(arguments[0]));
        Connection connection = pool.getConnection()) {
      for (int n = 0; n < ROUNDS; n++) add(connection, n);
      String client = insert(connection, arguments[1]);
      System.out.println("ok " + client + " limit=" + pool.getMaximumPoolSize());
    }
  }

  private static HikariConfig config(String key) {
    HikariConfig config = new HikariConfig();
    if (key.endsWith("host")) {
      String port = System.getenv(key.replaceFirst("host$", "port"));
      String database = URLEncoder.encode(System.getenv("database"), StandardCharsets.UTF_8);
      config.setJdbcUrl("jdbc:postgresql://" + System.getenv(key) + ":" + port + "/" + database);
      config.setUsername(System.getenv("username"));
      config.setPassword(System.getenv("password"));
    } else {
      config.setJdbcUrl(System.getenv(key));
    }
    config.setMaximumPoolSize(Integer.parseInt(System.getenv("pool-size")));
    config.setMinimumIdle(1);
    config.setConnectionTimeout(1000L * Integer.parseInt(System.getenv("connect-timeout")));
    return config;
  }

  private static void add(Connection connection, int n) throws SQLException {
    // Closed and prepared again: the driver keeps it by its text.
    try (PreparedStatement sum = connection.prepareStatement("SELECT ?::int + 1")) {
      sum.setInt(1, n);
      try (ResultSet rows = sum.executeQuery()) {
        rows.next();
        if (rows.getInt(1) != n + 1) throw new SQLException(n + " + 1 = " + rows.getInt(1));
      }
    }
  }

  private static String insert(Connection connection, String label) throws SQLException {
    connection.setAutoCommit(false);
    String sql = "INSERT INTO visits (label) VALUES (?) RETURNING host(inet_client_addr())";
    try (PreparedStatement insert = connection.prepareStatement(sql)) {
      insert.setString(1, label);
      try (ResultSet rows = insert.executeQuery()) {
        rows.next();
        String client = rows.getString(1);
        connection.commit();
        return client;
      }
    }
  }
}
