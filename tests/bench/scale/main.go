// Causes scale events and times their effects in the ConfigMaps of one program:
//
//	scale -prefix P latency   one event after the other; milliseconds until its sum can be seen
//	scale -prefix P bare      the same, but the sum is written by this program when the event is acknowledged
//	scale -prefix P burst     many at once; seconds until every sum is right
//	scale -prefix P settle    one event; seconds until its sum can be seen
//
// P-db-0 … P-db-9 in the namespace default have the sum of replicas in data.replicas. Prints one
// line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	prefix  = flag.String("prefix", "", "of the ConfigMaps' names")
	count   = flag.Int("count", 1000, "scale events")
	writers = flag.Int("writers", 32, "that cause a burst")
	gap     = flag.Duration("gap", 50*time.Millisecond, "between two single events")
	timeout = flag.Duration("timeout", 5*time.Minute, "for all of it")
)

func connect() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.UserAgent = "bench-driver"
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return kubernetes.NewForConfig(config)
}

func run(ctx context.Context, command string) (any, error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	if command == "settle" {
		return settle(ctx, client)
	}
	w, err := look(ctx, client)
	if err != nil {
		return nil, err
	}
	switch command {
	case "latency":
		return w.latency(ctx, false)
	case "bare":
		return w.latency(ctx, true)
	case "burst":
		return w.burst(ctx)
	}
	return nil, fmt.Errorf("unknown command %q", command)
}

func main() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	result, err := run(ctx, flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}
