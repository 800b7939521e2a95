// Writes Deployments straight into etcd, as kube-apiserver would have stored them:
//
//	seed -etcd http://127.0.0.1:2379 -count 10000
//
// They are what a cluster is full of: applied with kubectl, rolled out, with probes, resources and
// managedFields, about 5.6 KB of protobuf each, in 100 namespaces. Each belongs to one of ten
// databases by its label.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

const (
	perTransaction = 100 // etcd allows 128 operations and 1.5 MB
	writers        = 4
)

func encode(object runtime.Object) (string, error) {
	var out bytes.Buffer
	s := protobuf.NewSerializer(clientgoscheme.Scheme, clientgoscheme.Scheme)
	err := s.Encode(object, &out)
	return out.String(), err
}

// Without its namespace an object cannot be changed.
func writeNamespaces(client *clientv3.Client) error {
	var ops []clientv3.Op
	for i := range namespaces {
		value, err := encode(&corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: namespace(i), CreationTimestamp: created},
			Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
			Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
		})
		if err != nil {
			return err
		}
		ops = append(ops, clientv3.OpPut("/registry/namespaces/"+namespace(i), value))
	}
	_, err := client.Txn(context.Background()).Then(ops...).Commit()
	return err
}

func writeBatch(client *clientv3.Client, first, end int) error {
	var ops []clientv3.Op
	for i := first; i < end; i++ {
		d := deployment(i)
		value, err := encode(d)
		if err != nil {
			return err
		}
		ops = append(ops, clientv3.OpPut("/registry/deployments/"+d.Namespace+"/"+d.Name, value))
	}
	_, err := client.Txn(context.Background()).Then(ops...).Commit()
	return err
}

func seed(client *clientv3.Client, count int) error {
	batches := make(chan int)
	failed := make(chan error, writers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for first := range batches {
				if err := writeBatch(client, first, min(first+perTransaction, count)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for first := 0; first < count; first += perTransaction {
		select {
		case batches <- first:
		case err := <-failed:
			return err
		}
	}
	close(batches)
	wg.Wait()
	close(failed)
	return <-failed
}

func main() {
	endpoint := flag.String("etcd", "http://127.0.0.1:2379", "where etcd is")
	count := flag.Int("count", 10000, "Deployments")
	flag.Parse()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	begin := time.Now()
	if err := writeNamespaces(client); err != nil {
		log.Fatal(err)
	}
	if err := seed(client, *count); err != nil {
		log.Fatal(err)
	}
	example, err := encode(deployment(0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d Deployments of %d bytes in %.1f s\n", *count, len(example), time.Since(begin).Seconds())
}
