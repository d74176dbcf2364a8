using System.CommandLine;
using System.Globalization;
using EdgeSdk.Sampling;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Cli.Commands;

/// <summary>How tokens are chosen: options of <c>edge generate</c>, <c>edge ask</c> and <c>edge chat</c> (docs/sampling.md).</summary>
internal sealed class SamplingOptions
{
    private readonly Option<float> _temperature = SharedOptions.Temperature();
    private readonly Option<ulong> _seed = SharedOptions.Seed();
    private readonly Option<int> _topK = SharedOptions.Number("--top-k", "Keep so many of the likeliest tokens; 0 keeps all", 0, 0, int.MaxValue);
    private readonly Option<float> _topP = SharedOptions.Number("--top-p", "Keep the likeliest tokens that together reach this probability", 1f, 1e-6f, 1f);
    private readonly Option<float> _minP = SharedOptions.Number("--min-p", "Drop tokens less likely than this share of the likeliest", 0f, 0f, 0.999999f);
    private readonly Option<float> _frequency = SharedOptions.Number("--frequency-penalty", "Taken off a token's logit for each time it was written", 0f, -2f, 2f);
    private readonly Option<float> _presence = SharedOptions.Number("--presence-penalty", "Taken off a token's logit once it was written", 0f, -2f, 2f);
    private readonly Option<float> _repetition = SharedOptions.Number("--repetition-penalty", "What logits of the text's tokens, prompt included, are divided by; 1 is off", 1f, 1e-6f, 10f);
    private readonly Option<Dictionary<int, float>?> _bias = Bias();

    public SamplingOptions() => _repetition.Aliases.Add("--repeat-penalty");

    public void AddTo(Command command)
    {
        foreach (var option in (ReadOnlySpan<Option>)[_temperature, _seed, _topK, _topP, _minP, _frequency, _presence, _repetition, _bias])
            command.Options.Add(option);
    }

    /// <summary>For a model alone.</summary>
    public SamplerSpec Spec(ParseResult parsed) => new(
        parsed.GetValue(_temperature), parsed.GetValue(_seed), parsed.GetValue(_topK), parsed.GetValue(_topP), parsed.GetValue(_minP))
    {
        FrequencyPenalty = parsed.GetValue(_frequency),
        PresencePenalty = parsed.GetValue(_presence),
        RepetitionPenalty = parsed.GetValue(_repetition),
        Bias = parsed.GetValue(_bias) is { } biases ? LogitBias.Of(biases) : null,
    };

    /// <summary>For a chat.</summary>
    public void Ask(ParseResult parsed, ChatOptions request, EdgeChatOptions more)
    {
        request.Temperature = parsed.GetValue(_temperature);
        request.Seed = unchecked((long)parsed.GetValue(_seed));
        request.TopK = parsed.GetValue(_topK);
        request.TopP = parsed.GetValue(_topP);
        request.FrequencyPenalty = parsed.GetValue(_frequency);
        request.PresencePenalty = parsed.GetValue(_presence);
        more.MinP = parsed.GetValue(_minP);
        more.RepetitionPenalty = parsed.GetValue(_repetition);
        more.LogitBias = parsed.GetValue(_bias);
    }

    /// <summary>As llama.cpp's tools take it: an id, a sign and a number, and more of them behind commas.</summary>
    private static Option<Dictionary<int, float>?> Bias() => new("--logit-bias")
    {
        Description = "Added to the logits of tokens, each -100 to +100",
        HelpName = "ID+N,ID-N",
        CustomParser = result =>
        {
            var biases = new Dictionary<int, float>();
            foreach (string part in result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries))
            {
                int sign = part.IndexOfAny(['+', '-']);
                bool isBias = int.TryParse(sign < 0 ? "" : part[..sign], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                    & float.TryParse(sign < 0 ? "" : part[sign..], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out float bias);
                if (!isBias || Math.Abs(bias) > 100 || !biases.TryAdd(id, bias))
                {
                    result.AddError($"--logit-bias holds '{part}'; it must be a token's id with what is added to its logit, -100 to +100, such as 42-100, each id once, with commas between them.");
                    return null;
                }
            }

            return biases;
        },
    };
}
