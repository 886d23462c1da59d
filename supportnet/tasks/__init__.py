"""Tasks: a folder for each, with the same file names in each, behind the contract of `supportnet.tasks.task`.

config      options of the training          model       preprocessor, network and names, used on strings
data        training and validation data     calibrate   numbers that validation data decide, and what fits them
network     head on the backbone             evaluate    metrics on labelled messages
fit         objective and training           comparison  how architectures are compared, and what a user would pick
serve       its part of an export                        instead
answers     records of answers

What tasks share stands beside their folders, in `model` (its part of an export too), `fit` and `comparison`.

Exported from the folders, and imported when first used:

- models: `IntentClassifier`, `Suggester`, `Replier`, `AttributeClassifier`;
- records of answers: `Classification`, `Suggestion`, `Reply`, `Attributes`;
- options: `ClassifyConfig`, `SuggestConfig`, `ReplyConfig`, `AttributesConfig`;
- evaluation: `evaluate_model` of a classifier, `evaluate_suggester`, `evaluate_judged`, `evaluate_replier`;
- labels that look wrong: `find_doubtful_labels`;
- recent messages beside those of the training: `find_drift`, `Traffic`, `drift_chart`;
- the confidence of a classifier: `Confidence`, `fit_confidence`, `outcomes`, `reliability_diagram`, `risk_coverage`.
"""

import lazy_loader

# `__init__.pyi` says which name is from which module, which is imported when the name is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
