using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>How a model does on dialogues whose reference history it is given, added up over dialogues.</summary>
internal sealed partial class DevScore(ChatFormat format)
{
    private double _loss;
    private int _assistant, _callTokens, _callTokensRight, _values, _valuesRight;

    /// <summary>Mean negative log-likelihood of the assistant's tokens, in nats.</summary>
    public double Loss => _loss / Math.Max(1, _assistant);

    /// <summary>Share of the tokens inside calls that are the model's first choice.</summary>
    public double CallTokens => (double)_callTokensRight / Math.Max(1, _callTokens);

    /// <summary>Share of the calls' values (three letters or more) that stand word for word in an earlier message of which every token is the first choice.</summary>
    public double ValuesCopied => (double)_valuesRight / Math.Max(1, _values);

    /// <summary>Measures a model in training on the first <paramref name="count"/> dialogues, each cut at 1,024 tokens.</summary>
    public static DevScore Measure(LanguageModel model, Corpus corpus, ChatFormat format, int count)
    {
        using var _ = no_grad();
        var score = new DevScore(format);
        foreach (TokenisedDialogue dialogue in corpus.Dialogues.Take(count))
        {
            using var scope = NewDisposeScope();
            int n = Math.Min(dialogue.Ids.Length, 1024) - 1;
            Tensor logits = model.Logits(model.Hidden(tensor(dialogue.Ids[..n], [1, n]).to(ScalarType.Int64)));
            var foresight = new Foresight(n);
            float[] values = logits.data<float>().ToArray();
            for (int i = 0; i < n; i++) foresight.Set(i, values.AsSpan(i * Vocabulary.Size, Vocabulary.Size), dialogue.Ids[i + 1]);
            score.Add(dialogue, foresight);
        }

        return score;
    }

    /// <summary>Adds a dialogue, or as much of it as was foreseen.</summary>
    public void Add(TokenisedDialogue dialogue, Foresight foresight)
    {
        int n = foresight.Losses.Count;
        bool Right(int place) => foresight.Choices[place - 1] == dialogue.Ids[place];
        for (int i = 1; i <= n; i++)
        {
            if (dialogue.Roles[i] != Vocabulary.Assistant) continue;
            _loss += foresight.Losses[i - 1];
            _assistant++;
        }

        foreach (CallSpan call in Calls(dialogue).Where(c => c.End <= n))
        {
            _callTokens += call.End - call.Start;
            _callTokensRight += Enumerable.Range(call.Start, call.End - call.Start).Count(Right);
            _values += call.ContextValues.Count;
            _valuesRight += call.ContextValues.Count(v => Enumerable.Range(v.Start, v.End - v.Start).All(Right));
        }
    }

    /// <summary>Places of a call's tokens, and of the tokens of those values that stand in an earlier message.</summary>
    private sealed record CallSpan(int Start, int End, IReadOnlyList<(int Start, int End)> ContextValues);

    private IEnumerable<CallSpan> Calls(TokenisedDialogue dialogue)
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
