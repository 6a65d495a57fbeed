"""Which side of a metric is the better one, by its name alone; nothing where the name does not say."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.direction import better, direction_of

HIGHER = """
accuracy val_acc valAcc testAccuracy acc_norm top1_acc f1 F1 macro_f1 f1_score eval_f1_macro roc_auc auroc mAP mAP50 mIoU
bleu BLEU4 rouge1 rougeL rouge1/v1/mean exact_match exact_match_custom-extract pass@1 pass_at_1 pass@10 mmlu-pro_pass_at_1
pass_at_1_avg-of-4 mmlu-pro_pass_at_1_symbolic_correct mmlu-pro_stem/math_symbolic_correct reward mean_reward ep_reward
score score_micro gpqa_diamond_score_macro AIME_2025_score_micro_avg_of_10 glossary_score win_rate success_rate precision
recall recall@5 recall_at_5 ndcg@10 R2 r2_score throughput tokens_per_second tokens/s tokens/sec tok/s output_tokens_per_sec
train_samples_per_second it/s tokens_per_second_per_gpu mean_token_accuracy train_acc_epoch train_acc_step
neg_mean_squared_error neg_log_loss log_likelihood best_cv_score no_context_accuracy prompt_level_strict_acc loss_accuracy
omniscience_pass_at_1_avg-of-4_omni_accuracy qps explained_variance
"""

LOWER = """
loss val/loss total_loss train.loss eval-loss valLoss trainloss val_logloss logloss log_loss train_loss_epoch best_val_loss
accuracy_loss policy_loss RMSE rmse mse MAE mape mean_absolute_percentage_error error error_rate perplexity ppl wer WER cer
nll negative_log_likelihood neg_log_likelihood kl_divergence fid FID ttft_ms ttft time_to_first_token latency latency_ms
latency/p90 p95_latency bits_per_byte bpb total_cost_usd cost_per_1k_tokens loss_per_token train_runtime gen_seconds
mmlu-pro_pass_at_1_gen_seconds seconds_per_step time_per_output_token brier_score toxicity toxicity/v1/score
toxicity_mean_score hallucination_rate false_positive_rate cross_entropy crossEntropy max_error aegis_v2_safety_unsafe_rate
"""

NEITHER = """
safety_refusal_rate not_unsafe_rate avg_completion_tokens total_tokens tokens no_answer no_verdict finish_reason finish_reason.length num_entries count
example_count n_samples num_correct total_correct n_errors error_count pass_at_1_avg_tokens
omniscience_pass_at_1_avg-of-4_judge/no_verdict omniscience_pass_at_1_avg-of-4_num_entries
omniscience_pass_at_1_avg-of-4_omni_index token_count/v1/mean acc_stderr acc,stderr loss_std score_stddev reward_std
lr train/lr learning_rate epoch global_step step grad_norm temperature memory_available gpu_utilization time timestamp
closs x custom loss_scale kl_coef accuracy_threshold loss_delta accuracy_gap latency_score anomaly_score entropy
rewards/rejected attack_success_rate standard_error true_negatives inverse_perplexity neg_loss speculative 2fast
"""


@pytest.mark.parametrize("metric", HIGHER.split())
def test_higher_is_better_for_scores_and_rates(metric):
    assert better(metric) == "max"


@pytest.mark.parametrize("metric", LOWER.split())
def test_lower_is_better_for_losses_errors_times_and_costs(metric):
    assert better(metric) == "min"


@pytest.mark.parametrize("metric", ["", " ", "/", "准确率", *NEITHER.split()])
def test_a_name_that_does_not_say_has_no_better_side(metric):
    assert better(metric) is None


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("garak_attack_success_rate", "min"),
        ("jailbreak_rate", "min"),
        ("jailbreak_success_rate", "min"),
        ("refusal_rate", None),  # of harmful questions more is better, of harmless ones less
        ("attack_success_rate_stderr", None),
        ("counterattack_success_rate", "max"),
        ("accuracy", "max"),
    ],
)
def test_the_success_of_attacks_is_against_a_model_that_was_evaluated(metric, mode):
    assert better(metric, of_evaluated_model=True) == mode


def test_the_words_that_say_so_are_named():
    assert [direction_of(name).words for name in ("output_tokens_per_sec", "valLoss", "acc_norm")] == [
        "tokens per sec",
        "loss",
        "acc",
    ]
