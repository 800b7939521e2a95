package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
)

const warmUp = 10 // events that are not counted

func databaseOf(d *appsv1.Deployment) string { return d.Labels["example.com/database"] }

// scale makes it one replica more, as kubectl and the HPA do it.
func (w *world) scale(ctx context.Context, d *appsv1.Deployment) error {
	replicas := *d.Spec.Replicas + 1
	body := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	_, err := w.client.AppsV1().Deployments(d.Namespace).
		Patch(ctx, d.Name, types.MergePatchType, []byte(body), metav1.PatchOptions{}, "scale")
	d.Spec.Replicas = &replicas
	return err
}

func (w *world) apply(ctx context.Context, database string) error {
	cm := corev1ac.ConfigMap(*prefix+"-"+database, "default").
		WithData(map[string]string{"replicas": strconv.Itoa(w.truth[database])})
	_, err := w.client.CoreV1().ConfigMaps("default").
		Apply(ctx, cm, metav1.ApplyOptions{FieldManager: *prefix, Force: true})
	return err
}

// Milliseconds from the event's request, and from its acknowledgement, until the sum was seen.
type latencies struct {
	Sent  []float64 `json:"sent"`
	Acked []float64 `json:"acked"`
}

func (w *world) latency(ctx context.Context, bare bool) (latencies, error) {
	var out latencies
	for i := range warmUp + *count {
		d := &w.deployments[i%len(w.deployments)]
		database := databaseOf(d)
		w.truth[database]++
		sent := time.Now()
		if err := w.scale(ctx, d); err != nil {
			return out, err
		}
		acked := time.Now()
		if bare {
			if err := w.apply(ctx, database); err != nil {
				return out, err
			}
		}
		event, err := w.await(ctx, database)
		if err != nil {
			return out, err
		}
		if i >= warmUp {
			out.Sent = append(out.Sent, event.at.Sub(sent).Seconds()*1000)
			out.Acked = append(out.Acked, event.at.Sub(acked).Seconds()*1000)
		}
		time.Sleep(*gap)
	}
	return out, nil
}

type burst struct {
	Scaled float64 `json:"scaled"` // seconds until the last event was acknowledged
	Right  float64 `json:"right"`  // seconds until every sum was right
}

func (w *world) burst(ctx context.Context) (burst, error) {
	for i := range w.deployments {
		w.truth[databaseOf(&w.deployments[i])]++
	}
	begin := time.Now()
	failed := make(chan error, *writers)
	var wg sync.WaitGroup
	for first := range *writers {
		wg.Go(func() {
			for i := first; i < len(w.deployments); i += *writers {
				if err := w.scale(ctx, &w.deployments[i]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	scaled := time.Since(begin)
	close(failed)
	if err := <-failed; err != nil {
		return burst{}, err
	}
	last, err := w.await(ctx, slices.Collect(maps.Keys(w.truth))...)
	return burst{scaled.Seconds(), last.at.Sub(begin).Seconds()}, err
}

// settle tells how many seconds it took until one event had gone all the way. It lists nothing: the
// program may be at it.
func settle(ctx context.Context, client *kubernetes.Clientset) (float64, error) {
	w := &world{client: client, truth: map[string]int{}, events: make(chan seen, 1000)}
	begin := time.Now()
	d, err := client.AppsV1().Deployments("team-00").Get(ctx, "shop-api-000000", metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	database := databaseOf(d)
	before, err := client.CoreV1().ConfigMaps("default").Get(ctx, *prefix+"-"+database, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	sum, err := strconv.Atoi(before.Data["replicas"])
	if err != nil {
		return 0, err
	}
	w.truth[database] = sum + 1
	if err := w.watch(ctx); err != nil {
		return 0, err
	}
	if err := w.scale(ctx, d); err != nil {
		return 0, err
	}
	event, err := w.await(ctx, database)
	return event.at.Sub(begin).Seconds(), err
}
