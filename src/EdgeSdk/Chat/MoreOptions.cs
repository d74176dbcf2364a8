using System.Globalization;
using System.Text.Json;
using EdgeSdk.Sampling;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>
/// What <see cref="ChatOptions.AdditionalProperties"/> may hold: options of this SDK that <see cref="ChatOptions"/> has no field for. The one place where they are read.
/// </summary>
internal static class MoreOptions
{
    private const string MinPKey = "min_p", RepetitionPenaltyKey = "repetition_penalty", LogProbsKey = "logprobs", LogitBiasKey = "logit_bias", ThinkingBudgetKey = "thinking_budget", RegexKey = "regex", GrammarKey = "grammar", SpansKey = "edge.spans";

    /// <summary>The second is what Microsoft.Extensions.AI's client of OpenAI reads, on options and on functions.</summary>
    private const string StrictKey = "strict", StrictSchemaKey = "strictJsonSchema";

    private static readonly string[] s_known = [EdgeChatExtensions.RouteKey, MinPKey, RepetitionPenaltyKey, LogitBiasKey, LogProbsKey, ThinkingBudgetKey, StrictKey, StrictSchemaKey, RegexKey, GrammarKey, SpansKey];

    /// <summary>A request whose additional properties hold what its factory gives. The caller's options are not changed.</summary>
    /// <exception cref="NotSupportedException">The factory gives another client's options.</exception>
    public static ChatOptions? WithRaw(ChatOptions? options, IChatClient client)
    {
        if (options?.RawRepresentationFactory is not { } factory)
            return options;

        options = options.Clone();
        options.RawRepresentationFactory = null;
        switch (factory(client))
        {
            case null:
                break;
            case EdgeChatOptions own:
                Write(own, options.AdditionalProperties ??= []);
                break;
            case var other:
                throw new NotSupportedException(
                    $"ChatOptions.RawRepresentationFactory gives a {other.GetType().Name}; it must give EdgeChatOptions, or null where the client that it is given is another's.");
        }

        return options;
    }

    /// <summary>Drop tokens less likely than this share of the best one; null where the request does not say.</summary>
    /// <exception cref="ArgumentException">The value is no number.</exception>
    public static float? MinP(ChatOptions? options) => Number(options, MinPKey);

    /// <summary>What the logits of tokens that the text holds are divided by; null where the request does not say.</summary>
    /// <exception cref="ArgumentException">The value is no number.</exception>
    public static float? RepetitionPenalty(ChatOptions? options) => Number(options, RepetitionPenaltyKey);

    /// <summary>Whether a server tells the log-probabilities of what it writes.</summary>
    /// <exception cref="ArgumentException">The value is neither true nor false.</exception>
    public static bool LogProbs(ChatOptions? options) => Flag(options?.AdditionalProperties, LogProbsKey) ?? false;

    /// <summary>What is added to the logits of some tokens; null where the request does not say.</summary>
    /// <exception cref="ArgumentException">The value maps no ids to numbers, or one of them is outside its range.</exception>
    public static LogitBias? LogitBias(ChatOptions? options)
    {
        object? value = options?.AdditionalProperties?.GetValueOrDefault(LogitBiasKey);
        return value switch
        {
            null => null,
            IEnumerable<KeyValuePair<int, float>> biases => Sampling.LogitBias.Of(biases),
            JsonElement json => Sampling.LogitBias.Of(Biases(json)),
            string json => Sampling.LogitBias.Of(Biases(Parsed(json))),
            _ => throw NoBias(value),
        };

        static IEnumerable<KeyValuePair<int, float>> Biases(JsonElement json)
        {
            foreach (var bias in json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw NoBias(json))
            {
                yield return int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && bias.Value.ValueKind == JsonValueKind.Number
                    ? new(id, bias.Value.GetSingle())
                    : throw NoBias(json);
            }
        }

        static JsonElement Parsed(string json)
        {
            try
            {
                return JsonElement.Parse(json);
            }
            catch (JsonException)
            {
                throw NoBias(json);
            }
        }

        static ArgumentException NoBias(object value) => new(
            $"ChatOptions.AdditionalProperties[\"{LogitBiasKey}\"] is '{value}'; it must map token ids to numbers: a dictionary from int to float, or an object of JSON.", nameof(options));
    }

    /// <summary>Tokens inside thoughts, at most; null where the request does not say.</summary>
    /// <exception cref="ArgumentException">The value is no whole number, or negative.</exception>
    public static int? ThinkingBudget(ChatOptions? options)
    {
        object? value = options?.AdditionalProperties?.GetValueOrDefault(ThinkingBudgetKey);
        return value is null ? null
            : int.TryParse(Convert.ToString(value, CultureInfo.InvariantCulture), NumberStyles.None, CultureInfo.InvariantCulture, out int budget) ? budget
            : throw new ArgumentException($"ChatOptions.AdditionalProperties[\"{ThinkingBudgetKey}\"] is '{value}'; it must be a whole number, 0 or more.", nameof(options));
    }

    /// <summary>A regular expression that the whole answer matches; null where the request does not say.</summary>
    public static string? Regex(ChatOptions? options) => options?.AdditionalProperties?.GetValueOrDefault(RegexKey)?.ToString();

    /// <summary>A grammar that the whole answer is of; null where the request does not say.</summary>
    public static string? Grammar(ChatOptions? options) => options?.AdditionalProperties?.GetValueOrDefault(GrammarKey)?.ToString();

    /// <summary>Whether strings in JSON and in calls must stand in the conversation's texts.</summary>
    /// <exception cref="ArgumentException">The value is neither true nor false.</exception>
    public static bool Spans(ChatOptions? options) => Flag(options?.AdditionalProperties, SpansKey) ?? false;

    /// <summary>Whether calls of a function must fit its schema: as the function says, else as the request does.</summary>
    /// <exception cref="ArgumentException">The value is neither true nor false.</exception>
    public static bool IsStrict(ChatOptions? options, AIFunctionDeclaration function) => IsStrict(function.AdditionalProperties) ?? IsStrict(options?.AdditionalProperties) ?? false;

    /// <exception cref="NotSupportedException">A key that nobody would read.</exception>
    public static void RefuseUnknown(ChatOptions options)
    {
        foreach (string key in options.AdditionalProperties?.Keys ?? Enumerable.Empty<string>())
        {
            if (!s_known.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                throw new NotSupportedException(
                    $"ChatOptions.AdditionalProperties holds \"{key}\", which is not supported; known are {string.Join(", ", s_known)}. Take it out.");
            }
        }
    }

    private static void Write(EdgeChatOptions from, AdditionalPropertiesDictionary to)
    {
        Set(EdgeChatExtensions.RouteKey, from.Route);
        Set(MinPKey, from.MinP);
        Set(RepetitionPenaltyKey, from.RepetitionPenalty);
        Set(LogitBiasKey, from.LogitBias);
        Set(ThinkingBudgetKey, from.ThinkingBudget);
        Set(LogProbsKey, from.LogProbs);
        Set(StrictKey, from.Strict);
        Set(RegexKey, from.Regex);
        Set(GrammarKey, from.Grammar);
        Set(SpansKey, from.Spans);

        void Set(string key, object? value)
        {
            if (value is not null)
                to[key] = value;
        }
    }

    private static bool? IsStrict(IEnumerable<KeyValuePair<string, object?>>? properties) => Flag(properties, StrictKey) ?? Flag(properties, StrictSchemaKey);

    private static bool? Flag(IEnumerable<KeyValuePair<string, object?>>? properties, string key)
    {
        object? value = properties?.FirstOrDefault(property => property.Key.Equals(key, StringComparison.OrdinalIgnoreCase)).Value;
        return value is null ? null
            : bool.TryParse(value.ToString(), out bool flag) ? flag
            : throw new ArgumentException($"AdditionalProperties[\"{key}\"] is '{value}'; it must be true or false.", nameof(properties));
    }

    /// <summary>A number of any type, or what reads as one: options from configuration are text, those from a cache are JSON.</summary>
    private static float? Number(ChatOptions? options, string key)
    {
        object? value = options?.AdditionalProperties?.GetValueOrDefault(key);
        return value is null ? null
            : float.TryParse(Convert.ToString(value, CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number
            : throw new ArgumentException($"ChatOptions.AdditionalProperties[\"{key}\"] is '{value}'; it must be a number.", nameof(options));
    }
}
