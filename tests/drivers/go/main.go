// with_pgx KEY LABEL: visits the database that the variable KEY leads to, with a pool of the size
// that the binding asks for.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const rounds = 8

func number(key string) int {
	n, err := strconv.Atoi(os.Getenv(key))
	if err != nil {
		log.Fatalf("%s: %v", key, err)
	}
	return n
}

// where is the string, or for a key that is a host one made of the parts.
func where(key string) string {
	prefix, isHost := strings.CutSuffix(key, "host")
	if !isHost {
		return os.Getenv(key)
	}
	uri := url.URL{
		Scheme: "postgresql",
		User:   url.UserPassword(os.Getenv("username"), os.Getenv("password")),
		Host:   net.JoinHostPort(os.Getenv(key), os.Getenv(prefix+"port")),
		Path:   os.Getenv("database"),
	}
	return uri.String()
}

func visit(ctx context.Context, key, label string) (client string, limit int32, err error) {
	config, err := pgxpool.ParseConfig(where(key))
	if err != nil {
		return "", 0, err
	}
	config.MaxConns = int32(number("pool-size"))
	config.ConnConfig.ConnectTimeout = time.Duration(number("connect-timeout")) * time.Second
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return "", 0, err
	}
	defer pool.Close()

	// Prepared at the first use, as pgx does with every statement by default.
	for n := range rounds {
		var sum int
		if err := pool.QueryRow(ctx, "SELECT $1::int + 1", n).Scan(&sum); err != nil {
			return "", 0, err
		}
		if sum != n+1 {
			return "", 0, fmt.Errorf("%d + 1 = %d", n, sum)
		}
	}

	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		insert := "INSERT INTO visits (label) VALUES ($1) RETURNING host(inet_client_addr())"
		return tx.QueryRow(ctx, insert, label).Scan(&client)
	})
	return client, pool.Stat().MaxConns(), err
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("with_pgx KEY LABEL")
	}
	client, limit, err := visit(context.Background(), os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ok %s limit=%d\n", client, limit)
}
