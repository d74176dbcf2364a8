using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>How a model does on dialogues whose reference history it is given: what the training log shows.</summary>
/// <param name="Loss">Mean negative log-likelihood of the assistant's tokens, in nats.</param>
/// <param name="CallTokens">Share of the tokens inside calls that are the model's first choice.</param>
/// <param name="ValuesCopied">Share of the calls' values (three letters or more) that stand word for word in an earlier message of which every token is the first choice.</param>
internal sealed partial record DevScore(double Loss, double CallTokens, double ValuesCopied)
{
    /// <summary>Measures on the first <paramref name="count"/> dialogues, each cut at <paramref name="longest"/> tokens.</summary>
    public static DevScore Measure(LanguageModel model, Corpus corpus, ChatFormat format, int count, int longest = 1024)
    {
        using var _ = no_grad();
        double loss = 0;
        int assistant = 0, callTokens = 0, callRight = 0, values = 0, valuesRight = 0;
        foreach (TokenisedDialogue dialogue in corpus.Dialogues.Take(count))
        {
            using var scope = NewDisposeScope();
            int n = Math.Min(dialogue.Ids.Length, longest) - 1;
            Tensor inputs = tensor(dialogue.Ids[..n], [1, n]).to(ScalarType.Int64), targets = tensor(dialogue.Ids[1..(n + 1)]).to(ScalarType.Int64);
            Tensor logits = model.Logits(model.Hidden(inputs))[0];
            float[] nll = [.. nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.None).data<float>()];
            long[] best = [.. logits.argmax(-1).data<long>()];
            bool Right(int place) => best[place - 1] == dialogue.Ids[place];
            for (int i = 1; i <= n; i++)
            {
                if (dialogue.Roles[i] != Vocabulary.Assistant) continue;
                loss += nll[i - 1];
                assistant++;
            }

            foreach (CallSpan call in Calls(dialogue, format).Where(c => c.End <= n))
            {
                for (int i = call.Start; i < call.End; i++, callTokens++) callRight += Right(i) ? 1 : 0;
                foreach ((int start, int end) in call.ContextValues)
                {
                    values++;
                    valuesRight += Enumerable.Range(start, end - start).All(Right) ? 1 : 0;
                }
            }
        }

        return new DevScore(loss / Math.Max(1, assistant), (double)callRight / Math.Max(1, callTokens), (double)valuesRight / Math.Max(1, values));
    }

    /// <summary>Places of a call's tokens, and of the tokens of those values that stand in an earlier message.</summary>
    private sealed record CallSpan(int Start, int End, IReadOnlyList<(int Start, int End)> ContextValues);

    private static IEnumerable<CallSpan> Calls(TokenisedDialogue dialogue, ChatFormat format)
    {
        var context = new StringBuilder();
        for (int i = dialogue.Starts[1]; i < dialogue.Ids.Length; i++)
        {
            if (dialogue.Ids[i] != Vocabulary.Call)
            {
                context.Append(format.Letters(dialogue.Ids[i]));
                continue;
            }

            int start = i + 1, end = start;
            var letters = new StringBuilder();
            var tokenOfLetter = new List<int>();
            for (; end < dialogue.Ids.Length && dialogue.Ids[end] is not (Vocabulary.Call or Vocabulary.End); end++)
            {
                string token = format.Letters(dialogue.Ids[end]);
                letters.Append(token);
                tokenOfLetter.AddRange(Enumerable.Repeat(end, token.Length));
            }

            string before = context.ToString();
            var values = Values().Matches(letters.ToString()).Select(m => m.Groups[1])
                .Where(v => v.Length >= 3 && before.Contains(v.Value, StringComparison.Ordinal))
                .Select(v => (tokenOfLetter[v.Index], tokenOfLetter[v.Index + v.Length - 1] + 1)).ToArray();
            yield return new CallSpan(start, end, values);
        }
    }

    [GeneratedRegex("\":\"((?:[^\"\\\\]|\\\\.)*)\"")]
    private static partial Regex Values();
}
