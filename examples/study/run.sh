#!/usr/bin/env bash
# The study of docs/results.md: which estimator of gradients recovers the
# accuracy that an approximate multiplier costs?
#
#   examples/study/run.sh lenet     LeNet-5, 10,000 + 2,000 images, 3 seeds: 4 multipliers × 6 estimators
#   examples/study/run.sh full      LeNet-5, 50,000 + 10,000 images, 1 seed: 4 multipliers × ste, lut2d
#   examples/study/run.sh resnet8   ResNet-8, 10,000 + 2,000 images, 1 seed: 2 multipliers × 3 estimators
#   examples/study/run.sh resnet20  ResNet-20, 10,000 + 2,000 images, 1 seed: 2 multipliers × 3 estimators
#   examples/study/run.sh vit       small vision transformer, every product under a multiplier, attention's too:
#                                   10,000 + 2,000 images, 1 seed: mul8u_rm8 × 3 estimators
#   examples/study/run.sh gpu       ResNet-18, all images, the recipe of the paper: hours, on a GPU
#   examples/study/run.sh table     the figures of all runs so far
#
# Every run keeps its folder under $OUT and goes on where it was stopped, so the
# script may be interrupted and started again.
#
#   SHARED  holds data/ and mults/            default ../shared
#   OUT     where runs are kept               default runs/study
#   BIN     the program                       default bin/gputrain
#   EPOCHS, FLOAT_EPOCHS  of gpu              default 30, 60
set -euo pipefail
cd "$(dirname "$0")/../.."

SHARED=${SHARED:-../shared}
OUT=${OUT:-runs/study}
BIN=${BIN:-bin/gputrain}
subset=$SHARED/data/cifar10-subset.tar.gz
full=$SHARED/data/cifar10-jpeg-full.tar.gz

# The multipliers, with the half window sizes of Table I of Meng et al.
multipliers="mul8u_rm8:16 mul8u_1DMU:32 mul8u_syn1:16 mul7u_06Q:4"

# once OUT ARGS…: makes the run, goes on with it, or leaves it as it is.
once() {
	local out=$1 command=$2
	shift 2
	[ -e "$out/done" ] && return
	local resume=
	[ -e "$out/last.safetensors" ] && resume=--resume
	echo "== $out"
	"$BIN" "$command" --quiet --backend "${BACKEND:-auto}" --out "$out" $resume "$@"
	touch "$out/done"
}

float() { # NAME MODEL EPOCHS ARGS…
	local name=$1 model=$2 epochs=$3
	shift 3
	once "$OUT/$name/float" train --model "$model" --set 'data.augment=[crop, flip]' --epochs "$epochs" "$@"
}

retrain() { # NAME MODEL EPOCHS SEED MULTIPLIER:HWS ESTIMATOR ARGS…
	local name=$1 model=$2 epochs=$3 seed=$4 mult=${5%:*} hws=${5#*:} estimator=$6
	shift 6
	local grad=(--gradient "${estimator%-*}")
	case $estimator in
	lut2d) grad+=(--hws "$hws") ;;
	lut1d-mean) grad+=(--hws "$hws" --reading mean) ;;
	lut1d-*) grad+=(--reading "${estimator#*-}") ;;
	lowrank-*) grad+=(--hws "$hws" --rank "${estimator#*-}") ;;
	esac
	local table=$mult order=()
	case $mult in
	exact*) grad=() ;;
	*) table=$SHARED/mults/paper/$mult/product.npy order=(--set multiplier.order=xw) ;;
	esac
	once "$OUT/$name/$mult/$estimator/$seed" retrain --preset "${PRESET:-date2025}" --model "$model" --epochs "$epochs" --seed "$seed" \
		--init "$OUT/$name/float/best.safetensors" --multiplier "$table" "${order[@]}" "${grad[@]}" "$@"
}

table() {
	for dir in "$OUT"/*/; do
		printf '\n%s\n' "$(basename "$dir")"
		[ -e "$dir/float/metrics.jsonl" ] && summary "float" "$dir"/float/metrics.jsonl
		for run in "$dir"/*/*/; do
			compgen -G "$run/*/done" >/dev/null || continue # none is finished
			summary "$(basename "$(dirname "$run")") $(basename "$run")" "$run"/*/metrics.jsonl
		done
	done
}

# summary NAME FILES…: over seeds, the accuracy on the test split after
# calibration and after the last epoch, the last training loss, and minutes.
summary() {
	local name=$1
	shift
	awk -v name="$name" '
		function field(key) { return match($0, "\"" key "\":[^,}]*") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "" }
		FNR == 1 { n++ }
		{ seconds += field("seconds") }
		/"split":"test"/ && field("epoch") == 0 { before[n] = 100 * field("accuracy") }
		/"split":"test"/ { after[n] = 100 * field("accuracy"); epochs = field("epoch") }
		/"split":"train"/ { loss[n] = field("loss") }
		function mean(a, i, s) { s = 0; for (i = 1; i <= n; i++) s += a[i]; return s / n }
		function spread(a, i, s, m) { if (n < 2) return 0; m = mean(a); s = 0; for (i = 1; i <= n; i++) s += (a[i] - m) ^ 2; return sqrt(s / (n - 1)) }
		END { printf "%-28s seeds %d  epochs %d  before %6.2f  after %6.2f ± %4.2f  train loss %.4f ± %.4f  minutes %.1f\n",
			name, n, epochs, mean(before), mean(after), spread(after), mean(loss), spread(loss), seconds / 60 }' "$@"
}

case ${1:-} in
lenet)
	data=(--data cifar10 --path "$subset")
	float lenet lenet5 20 "${data[@]}"
	for seed in 1 2 3; do
		for exact in exact:8u:0 exact:7u:0; do retrain lenet lenet5 3 "$seed" "$exact" ste "${data[@]}"; done
		for m in $multipliers; do
			for e in ste lut1d-mean lut1d-range lut1d-slope lut2d lowrank-4; do
				retrain lenet lenet5 3 "$seed" "$m" "$e" "${data[@]}"
			done
		done
	done
	;;
full)
	data=(--data folder --path "$full")
	float full lenet5 10 "${data[@]}"
	for exact in exact:8u:0 exact:7u:0; do retrain full lenet5 3 1 "$exact" ste "${data[@]}"; done
	for m in $multipliers; do
		for e in ste lut2d; do retrain full lenet5 3 1 "$m" "$e" "${data[@]}"; done
	done
	;;
resnet8)
	data=(--data cifar10 --path "$subset")
	float resnet8 resnet8 15 "${data[@]}"
	retrain resnet8 resnet8 2 1 exact:8u:0 ste "${data[@]}"
	for m in mul8u_rm8:16 mul8u_1DMU:32; do
		for e in ste lut1d-mean lut2d; do retrain resnet8 resnet8 2 1 "$m" "$e" "${data[@]}"; done
	done
	;;
resnet20)
	data=(--data cifar10 --path "$subset")
	float resnet20 resnet20 12 --set schedule.name=cosine "${data[@]}"
	cosine=(--set schedule.name=cosine) # two epochs are too few for the steps of the preset
	retrain resnet20 resnet20 2 1 exact:8u:0 ste "${cosine[@]}" "${data[@]}"
	for m in mul8u_rm8:16 mul8u_1DMU:32; do
		for e in ste lut1d-mean lut2d; do retrain resnet20 resnet20 2 1 "$m" "$e" "${cosine[@]}" "${data[@]}"; done
	done
	;;
vit)
	data=(--data cifar10 --path "$subset")
	float vit vit_cifar 5 --preset vit --lr 0.002 "${data[@]}"
	PRESET=vit_retrain
	retrain vit vit_cifar 2 1 exact:8u:0 ste --lr 0.001 "${data[@]}"
	for e in ste lut1d-mean lut2d; do retrain vit vit_cifar 2 1 mul8u_rm8:16 "$e" --lr 0.001 "${data[@]}"; done
	;;
gpu)
	BACKEND=gpu
	data=(--data folder --path "$full")
	float gpu-resnet18 resnet18 "${FLOAT_EPOCHS:-60}" --set model.stem=cifar --set schedule.name=cosine --require-gpu "${data[@]}"
	retrain gpu-resnet18 resnet18 "${EPOCHS:-30}" 1 exact:8u:0 ste --set model.stem=cifar --require-gpu "${data[@]}"
	for m in $multipliers; do
		for e in ste lut1d-mean lut2d; do
			retrain gpu-resnet18 resnet18 "${EPOCHS:-30}" 1 "$m" "$e" --set model.stem=cifar --require-gpu "${data[@]}"
		done
	done
	;;
table) table ;;
*)
	sed -n '2,21s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
