{{- define "exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "exporter.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "exporter.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "exporter.selectorLabels" . }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: {{ include "exporter.name" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "exporter.image" -}}
{{- $image := .Values.image }}
{{- $name := printf "%s/%s" $image.registry $image.repository | trimPrefix "/" }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- /* Whether the configuration is ours to write. */}}
{{- define "exporter.ownConfig" -}}
{{- if not (or .Values.existingConfigMap .Values.existingConfigSecret) }}true{{ end }}
{{- end }}

{{- /*
What the accounts connect to, as JSON: `hosts` and `ports` of exchanges and proxies, and whether any
account goes `direct`, or by a proxy (`proxied`). An existing configuration can't be looked into.
*/}}
{{- define "exporter.egress" -}}
{{- $known := .Files.Get "files/exchanges.json" | fromJson }}
{{- $given := .Values.networkPolicy.egress }}
{{- $config := ternary .Values.config dict (eq (include "exporter.ownConfig" .) "true") }}
{{- $defaults := default dict (default dict $config.defaults).network }}
{{- $sources := default list (default dict $config.valuation).sources }}
{{- $urls := list }}
{{- $direct := false }}
{{- $proxied := false }}
{{- range concat (default list $config.accounts) $sources }}
{{- $network := merge (dict) (default dict .network) $defaults }}
{{- if or $network.proxy_url $network.proxy_url_file }}
{{- $proxied = true }}
{{- $urls = append $urls (default "" $network.proxy_url) }}
{{- else }}
{{- $direct = true }}
{{- $url := default (get $known .exchange) .base_url }}
{{- if not (or $url $given.hosts) }}
{{- fail (printf "networkPolicy.egress.hosts: name the hosts of %s, which this chart does not know" .exchange) }}
{{- end }}
{{- $urls = append $urls $url }}
{{- end }}
{{- end }}
{{- $hosts := $given.hosts }}
{{- $ports := list }}
{{- range compact $urls }}
{{- $address := regexReplaceAll "^[a-z0-9]+://(.*@)?([^/]+).*$" . "${2}" }}
{{- $port := regexFind ":[0-9]+$" $address }}
{{- $hosts = append $hosts (trimSuffix $port $address | trimSuffix ".") }}
{{- $ports = append $ports (int (default (ternary 80 443 (hasPrefix "http://" .)) (trimPrefix ":" $port))) }}
{{- end }}
{{- $ports = default (default (list 443) (uniq $ports)) $given.ports }}
{{- if not (or $direct $proxied) }}
{{- $direct = not $given.proxies }}
{{- end }}
{{- dict "hosts" (uniq $hosts | sortAlpha) "ports" $ports "direct" $direct "proxied" $proxied | toJson }}
{{- end }}
