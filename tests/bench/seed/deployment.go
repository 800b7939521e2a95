package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

//go:embed deployment.yaml
var source []byte

const namespaces = 100

func namespace(i int) string { return fmt.Sprintf("team-%02d", i%namespaces) }
func name(i int) string      { return fmt.Sprintf("shop-api-%06d", i) }

func encode(object runtime.Object) (string, error) {
	var out bytes.Buffer
	s := protobuf.NewSerializer(clientgoscheme.Scheme, clientgoscheme.Scheme)
	err := s.Encode(object, &out)
	return out.String(), err
}

// template is the first Deployment as it is stored.
func template() (string, error) {
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(source, &d); err != nil {
		return "", err
	}
	applied, err := json.Marshal(appsv1.Deployment{
		TypeMeta:   d.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace, Labels: d.Labels},
		Spec:       d.Spec,
	})
	if err != nil {
		return "", err
	}
	d.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(applied) + "\n"
	return encode(&d)
}

// fill makes the i-th out of the first: what differs has the same length, so that nothing around it
// changes. Every namespace has Deployments of all ten databases.
func fill(template string, i int) string {
	return strings.NewReplacer(
		name(0), name(i), namespace(0), namespace(i),
		"db-0", fmt.Sprintf("db-%d", i/namespaces%10),
		"8000-000000000000", fmt.Sprintf("8000-%012d", i),
	).Replace(template)
}
