// Writes Deployments straight into etcd, as kube-apiserver would have stored them:
//
//	seed -etcd http://127.0.0.1:2379 -count 10000
//
// They are copies of deployment.yaml, 5.8 kB of protobuf each, in 100 namespaces. Each belongs to
// one of ten databases by its label.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const perTransaction = 100 // etcd allows 128 operations and 1.5 MB

// Without its namespace an object cannot be changed.
func writeNamespaces(client *clientv3.Client) error {
	var ops []clientv3.Op
	for i := range namespaces {
		value, err := encode(&corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: namespace(i)},
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

func writeDeployments(client *clientv3.Client, template string, count int) error {
	var ops []clientv3.Op
	for i := range count {
		ops = append(ops, clientv3.OpPut("/registry/deployments/"+namespace(i)+"/"+name(i), fill(template, i)))
		if len(ops) < perTransaction && i+1 < count {
			continue
		}
		if _, err := client.Txn(context.Background()).Then(ops...).Commit(); err != nil {
			return err
		}
		ops = nil
	}
	return nil
}

func seed(endpoint string, count int) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	template, err := template()
	if err != nil {
		return err
	}
	if err := writeNamespaces(client); err != nil {
		return err
	}
	begin := time.Now()
	if err := writeDeployments(client, template, count); err != nil {
		return err
	}
	fmt.Printf("%d Deployments of %d bytes in %.1f s\n", count, len(template), time.Since(begin).Seconds())
	return nil
}

func main() {
	endpoint := flag.String("etcd", "http://127.0.0.1:2379", "where etcd is")
	count := flag.Int("count", 10000, "Deployments")
	flag.Parse()
	if err := seed(*endpoint, *count); err != nil {
		log.Fatal(err)
	}
}
